import type { Redis } from 'ioredis';
import { beforeEach, expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { hashOf } from '../../src/repair/slice.ts';
import { whenProjected } from '../fixtures/facts.ts';
import { useRedis } from '../fixtures/redis.ts';
import { type Appended, appendEntries } from '../projector/batches.ts';
import { comparable, NaiveProjector } from '../projector/naive-projector.ts';
import { runProjector } from '../projector/running-projector.ts';
import { aRunEntry, dumpReadModel, projectEntries, repair } from './repairing.ts';

const server = useRedis();
const IDS = Array.from({ length: 20 }, (_, n) => `run-${n + 10}`);
const WRONG = '2020-01-01T00:00:00.000Z';
let redis: Redis;
let appended: Appended[];

async function project(...entries: string[][]): Promise<void> {
  const more = await appendEntries(redis, entries, appended.length);
  appended.push(...more);
  await whenProjected(redis, more.at(-1)?.id ?? (appended[0] as Appended).id);
}

beforeEach(async () => {
  redis = server.connect();
  await redis.hset(KEYS.projector, 'epoch', 'e1');
  const entries = IDS.map((executionId) => aRunEntry({ executionId }));
  appended = await projectEntries(redis, server.url, entries);
});

test('INV1: a row that was mended is not written over by a projector that remembers it wrong', async () => {
  const ordered = IDS.toSorted((a, b) => hashOf(a) - hashOf(b));
  const [first = '', last = ''] = [ordered[0], ordered.at(-1)];
  for (const id of [first, last]) await redis.hset(KEYS.execution(id), 'createdAt', WRONG);
  await runProjector(server.url);
  const at = (seconds: number) => `2026-11-20T12:00:0${seconds}Z`;
  // The second one is of a row that is remembered as the first one read it.
  await project(aRunEntry({ executionId: first, occurredAt: at(1) }));
  await project(aRunEntry({ executionId: first, occurredAt: at(2) }));
  expect(await redis.hget(KEYS.execution(first), 'createdAt')).toBe(WRONG);

  let isLate = false;
  const { unmended } = await repair(redis, {
    // Slices of a few rows: what was mended in one is not looked at again in the next.
    ...{ mode: 'repair', maxBytes: 8 * 1024 },
    onDifference: async ({ executionId }) => {
      if (executionId !== last || isLate) return;
      isLate = true;
      const ends = { executionId: first, status: 'cancelled', attempt: '2' } as const;
      await project(aRunEntry({ ...ends, occurredAt: at(3) }));
      await project(aRunEntry({ ...ends, status: 'queued', attempt: '3', occurredAt: at(4) }));
    },
  });
  expect(isLate).toBe(true);
  expect(unmended).toEqual([]);
  expect(await redis.hget(KEYS.execution(first), 'createdAt')).not.toBe(WRONG);

  const model = new NaiveProjector();
  for (const { id, pairs } of appended) model.apply(id, pairs);
  const rowsOf = (dump: object) =>
    Object.fromEntries(Object.entries(dump).filter(([key]) => KEYS.readModel.parse(key)));
  expect(rowsOf(comparable(await dumpReadModel(redis)))).toEqual(rowsOf(model.expected()));
});
