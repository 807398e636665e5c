import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { anEntry } from '../fixtures/events.ts';
import { useRedis } from '../fixtures/redis.ts';
import type { Dump } from '../projector/keyspace.ts';
import { dumpReadModel, projectEntries, type Repairing, repair } from './repairing.ts';

const server = useRedis();
const EXECUTIONS = 2500;
/** What a third of the tasks takes. */
const A_THIRD = 900_000;
let redis: Redis;
/** As the commands sign in. */
let operator: Redis;
let before: Dump;

beforeEach(async () => {
  redis = server.connect();
  operator = server.connectAs('operator');
  await redis.hset(KEYS.projector, 'epoch', 'e1');
  const entries = Array.from({ length: EXECUTIONS }, (_, n) =>
    anEntry({ executionId: `run-${n}` }),
  );
  await projectEntries(redis, server.url, entries);
  before = await dumpReadModel(redis);
  await loseRows();
});

async function loseRows(): Promise<void> {
  await redis.del(...Object.keys(before).filter((key) => KEYS.readModel.parse(key) !== undefined));
}

/** A rebuild that is stopped when so much is done; `written` of it came after that. */
async function rebuildUntil(part: number, options: Repairing = {}) {
  const stop = new AbortController();
  const onProgress = (done: number) => (done >= part ? stop.abort() : undefined);
  return await repair(operator, { mode: 'rebuild', signal: stop.signal, onProgress, ...options });
}

const rebuild = (options: Repairing = {}) => repair(operator, { mode: 'rebuild', ...options });

describe('a run that was stopped', () => {
  test.for([
    ['within its only slice', 0.75, 64 * 1024 * 1024],
    ['between slices', 0.6, A_THIRD],
    ['before its first row', 0, A_THIRD],
  ] as const)('%s is gone on with where it was', async ([, part, maxBytes]) => {
    const first = await rebuildUntil(part, { maxBytes });
    expect(first.outcome).toMatchObject({
      isStopped: true,
      hasNewEpoch: first.outcome.written > 0,
    });
    expect(first.outcome.written).toBeLessThan(EXECUTIONS);
    expect(first.outcome.written > 0).toBe(part > 0);

    const second = await rebuild({ maxBytes });
    expect(second.resumed).toHaveLength(part > 0 ? 1 : 0);
    expect(second.outcome.rows).toBeLessThan(part > 0 ? 0.7 * EXECUTIONS : EXECUTIONS + 1);
    expect(second.outcome.isStopped).toBe(false);
    expect(await dumpReadModel(redis)).toEqual(before);
    expect((await repair(operator)).differences).toEqual([]);
    // The next one begins anew.
    expect((await rebuild()).resumed).toEqual([]);
  });

  test('removes what nothing demands in all of its slice, when it is gone on with', async () => {
    const ghosts = KEYS.executions.byProject('ghost/town');
    for (let n = 0; n < 50; n += 1) await redis.zadd(ghosts, n, `nobody-${n}`);
    await rebuildUntil(0.75);
    await rebuild();
    expect(await dumpReadModel(redis)).toEqual(before);
  });

  test.for<[string, Repairing]>([
    ['after an hour', { clock: { wallMs: () => Date.now() + 3_700_000, monotonicMs: () => 0 } }],
    ['where that is asked', { isFromStart: true }],
    ['as another command', { mode: 'repair' }],
    ['when nothing is written', { writes: false }],
  ])('is begun anew %s', async ([, options]) => {
    await rebuildUntil(0.75);
    await loseRows();
    const { resumed, outcome } = await rebuild(options);
    expect(resumed).toEqual([]);
    expect(outcome.rows).toBe(EXECUTIONS);
  });
});

describe('clients', () => {
  test('are told of what a killed run has mended, although nothing differs any more', async () => {
    await rebuild();
    const epoch = await redis.hget(KEYS.projector, 'epoch');
    await redis.hincrby(KEYS.repair, 'untold', 7);
    const { outcome, differences } = await repair(operator, { mode: 'repair' });
    expect(differences).toEqual([]);
    expect(outcome.hasNewEpoch).toBe(true);
    expect(await redis.hget(KEYS.projector, 'formerEpochs')).toBe(`${epoch} e1`);
    expect((await repair(operator, { mode: 'repair' })).outcome.hasNewEpoch).toBe(false);
  });
});
