import { Counter, Gauge, type Registry } from 'prom-client';

/** What the streams hold, for a scrape. */
export interface StreamGauges {
  /** Entries by stream. */
  readonly entries: Readonly<Record<'events' | 'updates' | 'quarantine', number>>;
  readonly oldestEventMs: number;
}

/** What the streams hold, what was trimmed, and what something else removed. */
export function trimMetrics(registry: Registry) {
  const registers = [registry];
  let read: (() => Promise<StreamGauges>) | undefined;
  let collecting: Promise<void> | undefined;
  // Both gauges of a scrape wait for one reading.
  const collect = () => {
    collecting ??= collectStreams().finally(() => {
      collecting = undefined;
    });
    return collecting;
  };
  const entries = new Gauge({
    name: 'tasktrail_redis_stream_entries',
    help: 'Entries that the streams in Redis hold; NaN when unknown.',
    labelNames: ['stream'] as const,
    registers,
    collect,
  });
  const oldestSeconds = new Gauge({
    name: 'tasktrail_events_oldest_age_seconds',
    help: 'Age of the oldest event that is kept; 0 when there is none, NaN when unknown.',
    registers,
    collect,
  });
  async function collectStreams(): Promise<void> {
    if (read === undefined) return;
    // Redis being away must not take the other metrics along, nor may the last values stand.
    const now = await read().catch(() => UNKNOWN);
    for (const stream of STREAMS) entries.set({ stream }, now.entries[stream]);
    oldestSeconds.set(now.oldestEventMs / 1000);
  }
  const trimmed = new Counter({
    name: 'tasktrail_trimmed_entries_total',
    help: 'Entries that this process trimmed, by stream.',
    labelNames: ['stream'] as const,
    registers,
  });
  for (const stream of ['events', 'updates'] as const) trimmed.inc({ stream }, 0);
  return {
    /** Has the streams read anew for every scrape. */
    collectStreams: (reading: () => Promise<StreamGauges>) => {
      read = reading;
    },
    trimmed,
    removed: new Counter({
      name: 'tasktrail_events_removed_total',
      help: 'Events that something else than the projector was found to have trimmed or deleted.',
      registers,
    }),
    lost: new Counter({
      name: 'tasktrail_events_lost_total',
      help: 'Events that were found to have been trimmed or deleted before they were applied.',
      registers,
    }),
  };
}

const STREAMS = ['events', 'updates', 'quarantine'] as const;

const UNKNOWN: StreamGauges = {
  entries: { events: Number.NaN, updates: Number.NaN, quarantine: Number.NaN },
  oldestEventMs: Number.NaN,
};
