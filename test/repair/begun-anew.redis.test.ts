import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { useRedis } from '../fixtures/redis.ts';
import type { Dump } from '../projector/keyspace.ts';
import { aRunEntry, dumpReadModel, entriesOf, projectEntries, repair } from './repairing.ts';

const server = useRedis();
const EXECUTIONS = 20;
let redis: Redis;
/** As the commands sign in. */
let operator: Redis;

beforeEach(async () => {
  redis = server.connect();
  operator = server.connectAs('operator');
  await redis.hset(KEYS.projector, 'epoch', 'e1');
  await projectEntries(redis, server.url, entriesOf(200, EXECUTIONS));
});

/** The stream is deleted, and begun anew by one event that is applied. */
async function beginAnew(): Promise<void> {
  await redis.del(KEYS.events);
  await projectEntries(redis, server.url, [aRunEntry({ executionId: 'new' })], 1000);
}

function rowsOf(dump: Dump): Dump {
  const isRow = (key: string) => KEYS.readModel.parse(key)?.kind === 'row';
  return Object.fromEntries(Object.entries(dump).filter(([key]) => isRow(key)));
}

/** Ways in which it is known that an earlier stream is gone. */
describe.for<[string, () => Promise<unknown>]>([
  ['what was read of it', beginAnew],
  [
    'what the projector saw of it',
    async () => {
      await redis.hset(KEYS.projector, 'eventsAccount', '200 0 0 0');
      await beginAnew();
      await redis.hset(KEYS.projector, 'entriesRead', 1);
    },
  ],
  [
    'the account of the projector',
    async () => {
      await beginAnew();
      await redis.hset(KEYS.projector, { eventsAccount: '1 200 200 0', entriesRead: 1 });
    },
  ],
  [
    'the rows alone',
    async () => {
      await redis.del(KEYS.projector, KEYS.updates, KEYS.quarantine);
      await beginAnew();
    },
  ],
])('where a stream is known by %s to be begun anew', ([, change]) => {
  beforeEach(() => change());

  test('no row of an earlier one differs, or is removed', async () => {
    const before = await dumpReadModel(redis);
    expect(Object.keys(rowsOf(before)).length).toBeGreaterThan(10);
    for (const mode of ['check', 'repair', 'rebuild'] as const) {
      const { differences, outcome } = await repair(operator, { mode });
      expect(differences).toEqual([]);
      expect(outcome.unjudged).toBeGreaterThan(10);
    }
    expect(await dumpReadModel(redis)).toEqual(before);
  });
});

test('a row of an earlier stream that goes on in the new one keeps what only the earlier one told', async () => {
  await redis.del(KEYS.events);
  const going = aRunEntry({ executionId: 'run-1', project: undefined, message: 'goes on' });
  await projectEntries(redis, server.url, [going], 1000);
  const before = rowsOf(await dumpReadModel(redis));
  await repair(operator, { mode: 'rebuild' });
  expect(rowsOf(await dumpReadModel(redis))).toEqual(before);
});

test('no row loses what was told after the backup that the stream was restored from', async () => {
  const backup = await redis.dumpBuffer(KEYS.events);
  await projectEntries(redis, server.url, entriesOf(100, EXECUTIONS, 3), 200);
  const before = rowsOf(await dumpReadModel(redis));
  await redis.restore(KEYS.events, 0, backup, 'REPLACE');
  const { unmended } = await repair(operator, { mode: 'rebuild' });
  expect(unmended).toEqual([]);
  expect(await redis.hget(KEYS.projector, 'eventsAccount')).toBe('200 300 0 0');
  await repair(operator, { mode: 'rebuild', isFromStart: true });
  expect(rowsOf(await dumpReadModel(redis))).toEqual(before);
});
