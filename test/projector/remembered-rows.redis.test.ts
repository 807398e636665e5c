import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { commit, loadState, type Remembered, readMends } from '../../src/projector/commit.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { anEntry, collidingEntry } from '../fixtures/events.ts';
import { whenProjected } from '../fixtures/facts.ts';
import { useRedis } from '../fixtures/redis.ts';
import {
  type Appended,
  appendEntries,
  applyBatch,
  nthEntryId,
  PROGRAM,
  planOf,
} from './batches.ts';
import { dumpKeyspace } from './keyspace.ts';
import { comparable, NaiveProjector } from './naive-projector.ts';
import { runProjector } from './running-projector.ts';

const server = useRedis();
const ROW = KEYS.execution('run-1');
let redis: Redis;

beforeEach(() => {
  redis = server.connect();
});

/** What is sent later by a projector that knows the rows by now. */
async function beginCommit(batch: readonly Appended[]): Promise<() => Promise<boolean>> {
  const state = await loadState(redis, KEYS);
  const remembered: Remembered = await readMends(redis, KEYS);
  const plan = await planOf(redis, batch);
  return () => commit(redis, KEYS, state, plan, PROGRAM, remembered);
}

async function expectNothingWritten(action: () => Promise<unknown>): Promise<void> {
  const before = await dumpKeyspace(redis);
  await action();
  expect(await dumpKeyspace(redis)).toEqual(before);
}

describe('INV1: a commit of rows that are remembered', () => {
  let send: () => Promise<boolean>;

  beforeEach(async () => {
    const first = await appendEntries(redis, [anEntry({ message: 'first', flow: 'nightly' })]);
    expect(await applyBatch(redis, first)).toBe(true);
    send = await beginCommit(await appendEntries(redis, [anEntry({ status: 'success' })], 1));
  });

  test('is written where they are what they were', async () => {
    expect(await send()).toBe(true);
    expect(await redis.hget(ROW, 'status')).toBe('success');
  });

  test.for<[what: string, change: () => Promise<unknown>]>([
    ['a repair mended rows since', () => redis.hincrby(KEYS.projector, 'mends', 1)],
    ['one of them tells of another event', () => redis.hset(ROW, 'lastEventId', nthEntryId(7))],
    ['one of them is gone', () => redis.del(ROW)],
    [
      'one of them is no row any more',
      async () => [await redis.del(ROW), await redis.set(ROW, 'x')],
    ],
  ])('is refused and writes nothing where %s', async ([, change]) => {
    await change();
    await expectNothingWritten(async () => expect(await send()).toBe(false));
  });

  test.for<[what: string, entry: Parameters<typeof anEntry>[0], change: () => Promise<unknown>]>([
    ['a row that is gone, of which a field is cleared', { message: '' }, () => redis.del(ROW)],
    [
      'a row of another event, of which a field is cleared',
      { message: '' },
      () => redis.hset(ROW, 'lastEventId', nthEntryId(7)),
    ],
    [
      'a row that was not there and is',
      { executionId: 'run-9' },
      () => redis.hset(KEYS.execution('run-9'), 'lastEventId', nthEntryId(7)),
    ],
  ])('is refused for %s', async ([, entry, change]) => {
    expect(await send()).toBe(true);
    const next = await beginCommit(
      await appendEntries(redis, [anEntry({ occurredAt: '2026-11-20T12:00:09Z', ...entry })], 2),
    );
    await change();
    await expectNothingWritten(async () => expect(await next()).toBe(false));
  });

  test('leaves alone what does not differ', async () => {
    await redis.hset(ROW, 'flow', 'changed by hand');
    expect(await send()).toBe(true);
    expect(await redis.hget(ROW, 'flow')).toBe('changed by hand');
  });

  test('leaves no field of an attempt in the next one', async () => {
    expect(await send()).toBe(true);
    const again = anEntry({ status: 'queued', attempt: '2', occurredAt: '2026-11-20T12:00:09Z' });
    const next = await beginCommit(await appendEntries(redis, [again], 2));
    expect(await next()).toBe(true);
    expect(await redis.hmget(ROW, 'attempt', 'message', 'finishedAt')).toEqual(['2', null, null]);
  });
});

test('commits of what differs leave what a naive model leaves', async () => {
  const streams = fc.array(collidingEntry, { minLength: 1, maxLength: 60, size: 'max' });
  await fc.assert(
    fc.asyncProperty(streams, fc.integer({ min: 1, max: 9 }), async (entries, length) => {
      await redis.flushall();
      const model = new NaiveProjector();
      const appended = await appendEntries(redis, entries);
      for (const { id, pairs } of appended) model.apply(id, pairs);
      for (let at = 0; at < appended.length; at += length) {
        const send = await beginCommit(appended.slice(at, at + length));
        expect(await send()).toBe(true);
      }
      expect(comparable(await dumpKeyspace(redis))).toEqual(model.expected());
    }),
    { numRuns: 40 },
  );
});

test('a projector does not read again what it wrote, and begins anew where that is gone', async () => {
  const projector = await runProjector(server.url);
  const first = await appendEntries(redis, [anEntry(), anEntry({ executionId: 'run-2' })]);
  await whenProjected(redis, nthEntryId(1));
  await redis.config('RESETSTAT');
  const entry = anEntry({ status: 'in_progress', occurredAt: '2026-11-20T12:00:01Z' });
  const second = await appendEntries(redis, [entry], 2);
  await whenProjected(redis, nthEntryId(2));
  expect(await redis.info('commandstats')).not.toContain('cmdstat_hgetall');

  await redis.del(KEYS.execution('run-2'));
  const again = anEntry({ executionId: 'run-2', occurredAt: '2026-11-20T12:00:02Z' });
  await appendEntries(redis, [again], 3);
  await whenProjected(redis, nthEntryId(3));
  expect(await redis.hget(KEYS.execution('run-2'), 'createdAt')).toBe('2026-11-20T12:00:02.000Z');
  expect(projector.conflicts()).toBe(1);
  expect(projector.failures()).toBe(0);
  expect([...first, ...second]).toHaveLength(3);
});
