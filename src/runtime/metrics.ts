import { ReconnectSchema, SnapshotRefreshRequiredSchema } from '@tasktrail/contract';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { intakeMetrics } from './intake-metrics.ts';
import { limitMetrics } from './limit-metrics.ts';
import { trimMetrics } from './trim-metrics.ts';

/**
 * Every metric of the program, in one typed object. Each call makes a registry of its own, and
 * counters with known labels start at 0, so that a rate exists before the first increment.
 */
export type Metrics = ReturnType<typeof createMetrics>;

/** From a millisecond on one machine to the seconds of a projector that is behind. */
const DELAY_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function createMetrics() {
  const registry = new Registry();
  return {
    registry,
    projector: projectorMetrics(registry),
    trimming: trimMetrics(registry),
    tailer: tailerMetrics(registry),
    streams: streamMetrics(registry),
    http: httpMetrics(registry),
    limits: limitMetrics(registry),
    intake: intakeMetrics(registry),
    projects: projectsMetrics(registry),
    files: fileMetrics(registry),
    redis: redisMetrics(registry),
  };
}

/**
 * Adds memory, CPU, garbage collection and event loop delay of this process. Once a process: what
 * watches the event loop never stops.
 */
export function collectProcessMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry });
}

interface LagOfEvents {
  readonly events: number;
  readonly ms: number;
}

function projectorMetrics(registry: Registry) {
  const registers = [registry];
  let readLag: (() => Promise<LagOfEvents>) | undefined;
  let collecting: Promise<void> | undefined;
  // Every metric of a scrape is collected at the same time, so both gauges wait for one reading:
  // one that waited for nothing would tell the value of the scrape before.
  const collect = () => {
    collecting ??= collectLag().finally(() => {
      collecting = undefined;
    });
    return collecting;
  };
  const lagSeconds = new Gauge({
    name: 'tasktrail_projector_lag_seconds',
    help: 'Age of the oldest event that is not yet applied; 0 when there is none, NaN when unknown.',
    registers,
    collect,
  });
  const lagEvents = new Gauge({
    name: 'tasktrail_projector_lag_events',
    help: 'Events that are appended and not yet applied; NaN when unknown.',
    registers,
    collect,
  });
  async function collectLag(): Promise<void> {
    // Redis being away must not take the other metrics along, nor may the last value stand.
    const lag = await readLag?.().catch(() => ({ events: Number.NaN, ms: Number.NaN }));
    if (lag === undefined) return;
    lagEvents.set(lag.events);
    lagSeconds.set(lag.ms / 1000);
  }
  return {
    /** Has the lag read anew for every scrape. */
    collectLag: (read: () => Promise<LagOfEvents>) => {
      readLag = read;
    },
    events: fromZero(
      new Counter({
        name: 'tasktrail_projector_events_total',
        help: 'Events by what became of them.',
        labelNames: ['outcome'],
        registers,
      }),
      'outcome',
      ['applied', 'duplicate', 'stale', 'quarantined'],
    ),
    commitConflicts: new Counter({
      name: 'tasktrail_projector_commit_conflicts_total',
      help: 'Commits that were refused because another projector had moved the checkpoint.',
      registers,
    }),
    commitSeconds: new Histogram({
      name: 'tasktrail_projector_commit_duration_seconds',
      help: 'How long the commit of a batch takes.',
      buckets: DELAY_SECONDS,
      registers,
    }),
    batchEvents: new Histogram({
      name: 'tasktrail_projector_batch_events',
      help: 'Events of one commit.',
      buckets: [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000],
      registers,
    }),
  };
}

function tailerMetrics(registry: Registry) {
  const registers = [registry];
  return {
    loopRestarts: new Counter({
      name: 'tasktrail_tailer_loop_restarts_total',
      help: 'Times the reading loop was started anew, on a new connection.',
      registers,
    }),
    resets: fromZero(
      new Counter({
        name: 'tasktrail_tailer_resets_total',
        help: 'Times all that was read before became void, by cause.',
        labelNames: ['cause'],
        registers,
      }),
      'cause',
      ['start', 'epoch', 'resync'],
    ),
  };
}

function streamMetrics(registry: Registry) {
  const registers = [registry];
  return {
    deliverySeconds: new Histogram({
      name: 'tasktrail_stream_delivery_delay_seconds',
      help: "From the time of an event's id to its frame being handed to a socket.",
      buckets: DELAY_SECONDS,
      registers,
    }),
    open: new Gauge({
      name: 'tasktrail_streams_open',
      help: 'Streams that are open now.',
      registers,
    }),
    opened: new Counter({
      name: 'tasktrail_streams_opened_total',
      help: 'Streams that were opened.',
      registers,
    }),
    refused: fromZero(
      new Counter({
        name: 'tasktrail_streams_refused_total',
        help: 'Streams that were not opened, by the limit that they met.',
        labelNames: ['reason'],
        registers,
      }),
      'reason',
      ['capacity', 'draining', 'viewer', 'address'],
    ),
    resumes: fromZero(
      new Counter({
        name: 'tasktrail_stream_resumes_total',
        help: 'How the cursors of opened streams went on.',
        labelNames: ['outcome'],
        registers,
      }),
      'outcome',
      ['live', 'replayed', 'ahead', 'cursor_expired', 'cursor_epoch', 'cursor_invalid'],
    ),
    parked: new Gauge({
      name: 'tasktrail_streams_parked',
      help: 'Streams that wait now for a client that does not read.',
      registers,
    }),
    parkings: new Counter({
      name: 'tasktrail_stream_parkings_total',
      help: 'Times a stream was parked because its client did not read.',
      registers,
    }),
    closed: fromZero(
      new Counter({
        name: 'tasktrail_streams_closed_total',
        help: 'Streams that ended: because the client left, or by the reason of the server.',
        labelNames: ['reason'],
        registers,
      }),
      'reason',
      ['client', ...ReconnectSchema.shape.reason.options],
    ),
    refreshes: fromZero(
      new Counter({
        name: 'tasktrail_stream_refreshes_total',
        help: 'Times a client was told to reload the snapshot, by reason.',
        labelNames: ['reason'],
        registers,
      }),
      'reason',
      SnapshotRefreshRequiredSchema.shape.reason.options,
    ),
  };
}

function httpMetrics(registry: Registry) {
  return {
    requestSeconds: new Histogram({
      name: 'tasktrail_http_request_duration_seconds',
      help: 'How long requests take, by route and status. Streams that were opened are not in it.',
      labelNames: ['route', 'status'],
      buckets: DELAY_SECONDS,
      registers: [registry],
    }),
  };
}

function fileMetrics(registry: Registry) {
  const registers = [registry];
  return {
    reloads: new Counter({
      name: 'tasktrail_file_reloads_total',
      help: 'Times a file of settings was read again because it had changed, by outcome.',
      labelNames: ['file', 'outcome'],
      registers,
    }),
    broken: new Gauge({
      name: 'tasktrail_file_broken',
      help: '1 while a file of settings cannot be used and its last good contents stay in force.',
      labelNames: ['file'],
      registers,
    }),
  };
}

function projectsMetrics(registry: Registry) {
  const registers = [registry];
  return {
    refreshes: fromZero(
      new Counter({
        name: 'tasktrail_projects_refreshes_total',
        help: 'Looks at the source of the list of projects, by outcome.',
        labelNames: ['outcome'],
        registers,
      }),
      'outcome',
      ['changed', 'unchanged', 'failed'],
    ),
    brokenSeconds: new Gauge({
      name: 'tasktrail_projects_broken_seconds',
      help: 'For how long the source of the list of projects cannot be used; 0 while it can.',
      registers,
    }),
  };
}

function redisMetrics(registry: Registry) {
  return {
    connectionErrors: new Counter({
      name: 'tasktrail_redis_connection_errors_total',
      help: 'Errors of Redis connections, by the name of the connection.',
      labelNames: ['connection'],
      registers: [registry],
    }),
  };
}

function fromZero<L extends string>(
  counter: Counter<L>,
  label: NoInfer<L>,
  values: readonly string[],
): Counter<L> {
  for (const value of values) counter.inc({ [label]: value } as Record<L, string>, 0);
  return counter;
}
