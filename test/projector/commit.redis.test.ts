import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { decodeChange } from '../../src/redis/change-entry.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { anEntry, collidingEntry, idOf } from '../fixtures/events.ts';
import { useRedis } from '../fixtures/redis.ts';
import { type Appended, appendEntries, applyBatch } from './batches.ts';
import { dumpKeyspace } from './keyspace.ts';
import { comparable, NaiveProjector } from './naive-projector.ts';

const server = useRedis();
let redis: Redis;

beforeEach(() => {
  redis = server.connect();
});

/** The batches of a stream: the lengths repeat until it ends. */
function split(entries: readonly Appended[], lengths: readonly number[]): Appended[][] {
  const batches: Appended[][] = [];
  for (let at = 0; at < entries.length; ) {
    const length = lengths[batches.length % lengths.length] ?? 1;
    batches.push(entries.slice(at, at + length));
    at += length;
  }
  return batches;
}

describe('committed batches', () => {
  const streams = fc.array(collidingEntry, { minLength: 1, maxLength: 80, size: 'max' });
  const lengths = fc.array(fc.integer({ min: 1, max: 25 }), { minLength: 1, maxLength: 6 });

  test('leave what a naive model leaves, however the stream is split', async () => {
    await fc.assert(
      fc.asyncProperty(streams, lengths, async (entries, batchLengths) => {
        await redis.flushall();
        const model = new NaiveProjector();
        const appended = await appendEntries(redis, entries);
        for (const { id, pairs } of appended) model.apply(id, pairs);
        for (const batch of split(appended, batchLengths)) {
          expect(await applyBatch(redis, batch)).toBe(true);
        }
        expect(comparable(await dumpKeyspace(redis))).toEqual(model.expected());
        for (const [id, pairs] of await redis.xrange(KEYS.updates, '-', '+')) {
          decodeChange(idOf(id), pairs);
        }
      }),
      { numRuns: 40 },
    );
  });

  test('leave no row, set or change of a task whose events are all quarantined', async () => {
    const [entry] = await appendEntries(redis, [anEntry({ status: undefined })]);
    expect(await applyBatch(redis, [entry as Appended])).toBe(true);
    expect(Object.keys(await dumpKeyspace(redis)).sort()).toEqual([
      'task-events:v1',
      'task-events:v1:quarantine',
      'task-tracking:projector',
    ]);
  });

  test('may change 1,000 tasks with 200 principals each at once', async () => {
    const users = Array.from({ length: 200 }, (_, i) => `slack:U${i}`);
    const visibility = JSON.stringify({ responsibleUsers: users });
    const entries = Array.from({ length: 1000 }, (_, i) =>
      anEntry({ executionId: `run-${i}`, visibility }),
    );
    const appended = await appendEntries(redis, entries);
    expect(await applyBatch(redis, appended)).toBe(true);
    expect(await redis.zcard(KEYS.executions.byPrincipal('slack:U199'))).toBe(1000);
  });
});
