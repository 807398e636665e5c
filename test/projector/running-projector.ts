import { randomBytes } from 'node:crypto';
import type { StreamId } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { Lease } from '../../src/projector/lease.ts';
import type { OutcomeCounts } from '../../src/projector/projector.ts';
import { ProjectorService } from '../../src/projector/projector-service.ts';
import { connectForCommands } from '../../src/redis/connections.ts';
import { createEpoch } from '../../src/redis/epoch.ts';
import { KEYS } from '../../src/redis/keys.ts';
import type { Health } from '../../src/runtime/service.ts';
import { asUser } from '../fixtures/redis-users.ts';
import { PROGRAM } from './batches.ts';

interface Options {
  readonly batchSize?: number;
  /** Another key than that of other projectors: a lease that keeps nobody idle. */
  readonly leaseKey?: string;
  /** Told of every commit, at once. */
  readonly onCommit?: (counts: OutcomeCounts) => void;
}

export interface RunningProjector {
  readonly commits: readonly OutcomeCounts[];
  readonly quarantined: readonly (readonly [id: StreamId, reason: string, field: string])[];
  /** How many commits were refused. */
  readonly conflicts: () => number;
  /** How often it broke off. */
  readonly failures: () => number;
  readonly health: () => Health;
  /** Settles as the run does. */
  readonly ended: Promise<void>;
  /** Stops it and waits for its end; may be called twice. */
  stop(): Promise<void>;
}

/** Runs a projector with connections of its own, as the program does, until the test ends. */
export async function runProjector(url: string, options: Options = {}): Promise<RunningProjector> {
  const commits: OutcomeCounts[] = [];
  const quarantined: [StreamId, string, string][] = [];
  let conflicts = 0;
  let failures = 0;
  const logger = pino(
    { level: 'warn' },
    {
      write: () => {
        failures += 1;
      },
    },
  );
  const asProjector = asUser(url, 'projector');
  const connection = (name: string) => ({ url: asProjector, name, onError: () => undefined });
  const redis: Redis = connectForCommands(connection('commands'));
  // Redis being away at start is no error.
  await redis.connect().catch(() => undefined);
  const service = new ProjectorService({
    redis,
    keys: KEYS,
    events: {
      redis,
      doorbell: connection('events'),
      stream: KEYS.events,
      batchSize: options.batchSize ?? 500,
    },
    lease: new Lease(redis, options.leaseKey ?? KEYS.lease, randomBytes(8).toString('hex')),
    program: PROGRAM,
    createEpoch,
    observer: {
      onCommit: (counts) => {
        commits.push(counts);
        options.onCommit?.(counts);
      },
      onConflict: () => {
        conflicts += 1;
      },
      onQuarantined: (...all) => quarantined.push(all),
    },
    logger,
  });
  const stopping = new AbortController();
  const ended = service.run(stopping.signal).finally(() => redis.disconnect());
  const stop = async () => {
    stopping.abort();
    await ended;
  };
  onTestFinished(() => stop().catch(() => undefined));
  return {
    commits,
    quarantined,
    conflicts: () => conflicts,
    failures: () => failures,
    health: () => service.health(),
    ended,
    stop,
  };
}
