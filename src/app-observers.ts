import { streamIdTimeMs } from '@tasktrail/contract';
import type { Logger } from 'pino';
import type { FileObserver } from './auth/authenticator.ts';
import type { ConnectionObserver } from './http/connection-guard.ts';
import type { SnapshotGateObserver } from './http/snapshot-gate.ts';
import type { StreamObserver } from './http/sse/sse.ts';
import type { HubObserver } from './hub/change-hub.ts';
import type { IntakeObserver } from './intake/intake.ts';
import type { ProjectorObserver, TrimObserver } from './projector/projector.ts';
import type { ProjectsMetrics } from './projects/projects.ts';
import type { Metrics } from './runtime/metrics.ts';
import { Reminders } from './runtime/reminders.ts';
import type { TailerObserver } from './tailer/tailer.ts';

/** What stages tell of themselves, as metrics and log lines. Stages know neither. */
export interface Observers {
  readonly projector: ProjectorObserver;
  readonly trimming: TrimObserver;
  readonly hub: HubObserver;
  readonly tailer: TailerObserver;
  readonly streams: StreamObserver;
  readonly snapshotGate: SnapshotGateObserver;
  readonly connections: ConnectionObserver;
  readonly projects: ProjectsMetrics;
  readonly intake: IntakeObserver;
  readonly files: FileObserver;
  onConnectionError(connection: string, error: Error): void;
  onSignedInAgain(connection: string): void;
}

export function createObservers(metrics: Metrics, logger: Logger): Observers {
  const { projector, trimming, tailer, streams, limits, projects, intake, files, redis } = metrics;
  const connectionErrors = new Reminders();
  return {
    projector: {
      onCommit: (counts, durationMs) => {
        let events = 0;
        for (const [outcome, count] of Object.entries(counts)) {
          projector.events.inc({ outcome }, count);
          events += count;
        }
        projector.batchEvents.observe(events);
        projector.commitSeconds.observe(durationMs / 1000);
      },
      onConflict: () => {
        projector.commitConflicts.inc();
        logger.info('what a commit began from was changed by somebody else, reading again');
      },
      onQuarantined: (id, reason, field) => {
        logger.warn({ id, reason, field }, 'an event was quarantined');
      },
    },
    trimming: {
      onTrimmed: (events, changes) => {
        trimming.trimmed.inc({ stream: 'events' }, events);
        trimming.trimmed.inc({ stream: 'updates' }, changes);
      },
      onRemoved: (removed, lost) => {
        trimming.removed.inc(removed);
        trimming.lost.inc(lost);
      },
    },
    hub: {
      onChanges: (changes) => {
        const nowMs = Date.now();
        for (const { position } of changes) {
          const delayMs = Math.max(0, nowMs - streamIdTimeMs(position.id));
          streams.deliverySeconds.observe(delayMs / 1000);
        }
      },
    },
    tailer: {
      onReset: (cause) => tailer.resets.inc({ cause }),
      onRestart: () => tailer.loopRestarts.inc(),
    },
    streams: {
      onOpened: (outcome) => {
        streams.open.inc();
        streams.opened.inc();
        streams.resumes.inc({ outcome });
      },
      onClosed: (reason) => {
        streams.open.dec();
        streams.closed.inc({ reason });
      },
      onRefused: (reason) => streams.refused.inc({ reason }),
      onParked: () => {
        streams.parked.inc();
        streams.parkings.inc();
      },
      onUnparked: () => streams.parked.dec(),
      onRefresh: (reason) => streams.refreshes.inc({ reason }),
    },
    snapshotGate: {
      onLoad: (inWork, waiting) => {
        limits.snapshotInWork.set(inWork);
        limits.snapshotWaiting.set(waiting);
      },
      onRefused: (reason) => limits.snapshotRefused.inc({ reason }),
    },
    connections: {
      onOpen: (open) => limits.connectionsOpen.set(open),
      onRefused: (limit) => limits.connectionsRefused.inc({ limit }),
    },
    projects: {
      onRefresh: (outcome) => projects.refreshes.inc({ outcome }),
      setBrokenSeconds: (seconds) => projects.brokenSeconds.set(seconds),
    },
    intake: {
      onEvents: (source, result, count) => intake.events.inc({ source, result }, count),
      onUnmapped: (source, webhook, { field, detail }) => {
        logger.warn({ source, webhook, field, detail }, 'a webhook was quarantined');
      },
      onRateLimitsLocal: (isLocal, reason) => {
        intake.rateLimitsLocal.set(isLocal ? 1 : 0);
        if (isLocal) logger.warn({ reason }, 'requests are counted by this process alone');
        else logger.info('requests are counted over all servers again');
      },
    },
    files: {
      onReload: (file, outcome) => files.reloads.inc({ file, outcome }),
      setBroken: (file, isBroken) => files.broken.set({ file }, isBroken ? 1 : 0),
    },
    onConnectionError: (connection, { message }) => {
      redis.connectionErrors.inc({ connection });
      if (!connectionErrors.isDue(`${connection}: ${message}`, performance.now())) return;
      logger.warn({ connection, reason: message }, 'a Redis connection failed');
    },
    onSignedInAgain: (connection) => {
      logger.info({ connection }, 'Redis took the password that was changed');
    },
  };
}
