import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { ProjectorConfig } from '../config/config.ts';
import type { Observers } from './app-observers.ts';
import { lagOf, readLag } from './projector/lag.ts';
import { Lease } from './projector/lease.ts';
import { ProjectorService } from './projector/projector-service.ts';
import { oldestAgeMs, readStreamSizes } from './projector/stream-sizes.ts';
import { TrimService } from './projector/trim-service.ts';
import type { ConnectionOptions } from './redis/connections.ts';
import { createEpoch } from './redis/epoch.ts';
import { KEYS } from './redis/keys.ts';
import type { Metrics } from './runtime/metrics.ts';

interface ProjectorParts {
  readonly redis: Redis;
  readonly connect: (name: string) => ConnectionOptions;
  readonly observers: Observers;
  readonly logger: Logger;
  /** Of this program. */
  readonly version: string;
}

/** A part of the composition root: what applies events, and what trims them beside it. */
export function assembleProjector(config: ProjectorConfig, parts: ProjectorParts) {
  const { redis, connect, observers, logger, version } = parts;
  const lease = new Lease(redis, KEYS.lease, randomBytes(8).toString('hex'));
  const projector = new ProjectorService({
    redis,
    keys: KEYS,
    events: {
      redis,
      doorbell: connect('events'),
      stream: KEYS.events,
      batchSize: config.batchSize,
    },
    lease,
    program: version,
    createEpoch,
    observer: observers.projector,
    logger,
  });
  const trimming = new TrimService({
    redis,
    keys: KEYS,
    holder: lease.holder,
    limits: config,
    nowMs: Date.now,
    observer: observers.trimming,
    logger,
  });
  return { projector, trimming };
}

/** By every process, since a projector that is gone tells nobody that events wait. */
export function collectStreamMetrics({ projector, trimming }: Metrics, redis: Redis): void {
  projector.collectLag(async () => lagOf(await readLag(redis, KEYS), Date.now()));
  trimming.collectStreams(async () => {
    const entries = await readStreamSizes(redis, KEYS);
    return { entries, oldestEventMs: oldestAgeMs(entries, Date.now()) };
  });
}
