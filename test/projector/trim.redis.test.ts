import { compareStreamIds, type StreamId, streamIdTimeMs } from '@tasktrail/contract';
import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { type TrimLimits, type TrimStep, trimStep } from '../../src/projector/trim.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { anEntry, idOf } from '../fixtures/events.ts';
import { useRedis } from '../fixtures/redis.ts';
import { appendEntries, applyBatch } from './batches.ts';
import { dumpKeyspace } from './keyspace.ts';

const server = useRedis();
let redis: Redis;

const HOLDER = 'this projector';
const DAY_MS = 86_400_000;
const KEEP_ALL: TrimLimits = { feedMaxLength: 200, retentionMs: undefined };

beforeEach(async () => {
  redis = server.connect();
  await redis.set(KEYS.lease, HOLDER);
});

/** As a projector that has applied up to there leaves it. */
async function storeCheckpoint(checkpoint: StreamId): Promise<void> {
  await redis.hset(KEYS.projector, { checkpoint, layout: '1' });
}

async function fill(stream: string, ids: readonly StreamId[]): Promise<void> {
  const pipeline = redis.pipeline();
  for (const id of ids) pipeline.xadd(stream, id, 'n', '1');
  for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error;
}

async function idsOf(stream: string): Promise<StreamId[]> {
  const entries = await redis.xrange(stream, '-', '+');
  return entries.map(([id]) => idOf(id));
}

const step = (limits: TrimLimits, nowMs = Date.now(), holder = HOLDER) =>
  trimStep(redis, KEYS, holder, limits, nowMs);

/** Every step that there is to do now. */
async function trimAll(limits: TrimLimits, nowMs = Date.now()): Promise<TrimStep[]> {
  const steps: TrimStep[] = [];
  do {
    const done = await step(limits, nowMs);
    if (done === undefined) throw new Error('not trimmed at all');
    steps.push(done);
  } while (steps.at(-1)?.isMore);
  return steps;
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, n) => total + n, 0);

describe('INV8: trimming events', () => {
  /** Ids of the last three days and of the next one, as clocks that were set leave them. */
  const agesMs = fc.array(fc.integer({ min: -DAY_MS, max: 3 * DAY_MS }), {
    minLength: 1,
    maxLength: 150,
  });

  test('takes exactly what is both before the checkpoint and older than the retention', async () => {
    const cases = fc.record({
      agesMs,
      /** Which of the entries the checkpoint is; some are between two of them, some after all. */
      checkpointAt: fc.double({ min: 0, max: 1.1, noNaN: true }),
      isBetween: fc.boolean(),
      retentionMs: fc.option(fc.integer({ min: 0, max: 4 * DAY_MS }), { nil: undefined }),
      /** How wrong the clock of the projector is. */
      clockErrorMs: fc.constantFrom(0, 0, -2 * DAY_MS, -100 * 365 * DAY_MS, DAY_MS, 365 * DAY_MS),
      nodeEntries: fc.constantFrom(1, 3, 100),
    });
    await fc.assert(
      fc.asyncProperty(cases, async (given) => {
        await redis.flushall();
        await redis.config('SET', 'stream-node-max-entries', given.nodeEntries);
        await redis.set(KEYS.lease, HOLDER);
        const nowMs = Date.now();
        const ids = given.agesMs
          .toSorted((a, b) => b - a)
          .map((ageMs, i) => idOf(`${nowMs - ageMs}-${i * 2}`));
        await fill(KEYS.events, ids);
        const at = ids[Math.floor(given.checkpointAt * ids.length)] ?? idOf(`${2 ** 50}-0`);
        const checkpoint = given.isBetween ? idOf(`${at.split('-')[0]}-${2 ** 40}`) : at;
        await storeCheckpoint(checkpoint);

        const clockMs = nowMs + given.clockErrorMs;
        const limits = { feedMaxLength: 200, retentionMs: given.retentionMs };
        const steps = await trimAll(limits, clockMs);
        // What expires while the test runs may be trimmed or not.
        const latestMs = Math.min(Date.now(), clockMs);
        const { retentionMs = Number.POSITIVE_INFINITY } = given;
        // Else nothing shows that the checkpoint is of this stream.
        const isShown = ids.some((id) => compareStreamIds(id, checkpoint) >= 0);
        const mayGo = (id: StreamId, now: number) =>
          isShown && compareStreamIds(id, checkpoint) < 0 && streamIdTimeMs(id) < now - retentionMs;
        const left = await idsOf(KEYS.events);
        for (const id of ids) {
          if (!mayGo(id, latestMs)) expect(left, `${id} is kept`).toContain(id);
          if (mayGo(id, Math.min(nowMs, clockMs))) expect(left, `${id} is gone`).not.toContain(id);
        }
        expect(sum(steps.map(({ events }) => events))).toBe(ids.length - left.length);
      }),
      { numRuns: 150 },
    );
    await redis.config('SET', 'stream-node-max-entries', 100);
  });

  test('keeps every event where no retention is set', async () => {
    const appended = await appendEntries(redis, [anEntry(), anEntry(), anEntry()]);
    await applyBatch(redis, appended);
    expect(await trimAll(KEEP_ALL)).toEqual([{ events: 0, changes: 0, isMore: false }]);
    expect(await redis.xlen(KEYS.events)).toBe(3);
    expect(await redis.hget(KEYS.projector, 'trimmedTo')).toBeNull();
  });

  test('keeps what waits for a projector that is down, however long it waits', async () => {
    const appended = await appendEntries(
      redis,
      Array.from({ length: 20 }, () => anEntry()),
    );
    await applyBatch(redis, appended.slice(0, 12));
    await trimAll({ ...KEEP_ALL, retentionMs: 1 });
    // The checkpoint's own entry stays, too.
    expect(await idsOf(KEYS.events)).toEqual(appended.slice(11).map(({ id }) => id));
  });

  test('remembers how many it took, and to where', async () => {
    const ids = Array.from({ length: 300 }, (_, n) => idOf(`${n + 1}-0`));
    await fill(KEYS.events, ids.slice(0, 200));
    await storeCheckpoint(idOf('150-0'));
    await trimAll({ ...KEEP_ALL, retentionMs: DAY_MS });
    const remembered = () => redis.hmget(KEYS.projector, 'eventsTrimmed', 'trimmedTo');
    expect(await remembered()).toEqual(['149', '150-0']);
    await fill(KEYS.events, ids.slice(200));
    await storeCheckpoint(idOf('300-0'));
    await trimAll({ ...KEEP_ALL, retentionMs: DAY_MS });
    expect(await remembered()).toEqual(['299', '300-0']);
    await redis.hset(KEYS.projector, 'eventsTrimmed', 'many');
    await fill(KEYS.events, [idOf('400-0')]);
    await storeCheckpoint(idOf('400-0'));
    await trimAll({ ...KEEP_ALL, retentionMs: DAY_MS });
    expect(await remembered()).toEqual(['1', '400-0']);
  });

  test('names the first one that is left after a step that could not take all', async () => {
    await fill(
      KEYS.events,
      Array.from({ length: 2500 }, (_, n) => idOf(`${n + 1}-0`)),
    );
    await storeCheckpoint(idOf('2500-0'));
    const first = await step({ ...KEEP_ALL, retentionMs: DAY_MS });
    expect(first).toEqual({ events: 1000, changes: 0, isMore: true });
    expect(await redis.hget(KEYS.projector, 'trimmedTo')).toBe('1001-0');
  });
});

describe('trimming the feed', () => {
  test('keeps at least as many changes as it is told, and hardly more', async () => {
    const lengths = fc.record({
      length: fc.integer({ min: 0, max: 1500 }),
      keep: fc.integer({ min: 200, max: 1200 }),
    });
    await fc.assert(
      fc.asyncProperty(lengths, async ({ length, keep }) => {
        await redis.flushall();
        await redis.set(KEYS.lease, HOLDER);
        const ids = Array.from({ length }, (_, n) => idOf(`${n + 1}-0`));
        await fill(KEYS.updates, ids);
        await storeCheckpoint(idOf(`${length + 1}-0`));
        await trimAll({ feedMaxLength: keep, retentionMs: undefined });
        const left = await idsOf(KEYS.updates);
        expect(left).toEqual(ids.slice(length - left.length));
        expect(left.length).toBeGreaterThanOrEqual(Math.min(length, keep));
        expect(left.length).toBeLessThanOrEqual(Math.max(keep + 100, Math.min(length, keep)));
      }),
      { numRuns: 30 },
    );
  });

  test('takes a huge excess in steps of bounded size', async () => {
    await fill(
      KEYS.updates,
      Array.from({ length: 20_000 }, (_, n) => idOf(`${n + 1}-0`)),
    );
    await storeCheckpoint(idOf('20000-0'));
    const steps = await trimAll(KEEP_ALL);
    expect(steps.length).toBeGreaterThanOrEqual(20);
    for (const { changes } of steps) expect(changes).toBeLessThanOrEqual(1000);
    expect(await redis.xlen(KEYS.updates)).toBeLessThanOrEqual(300);
  });

  test('goes on when memory is full, which it mends', async () => {
    const fat = 'x'.repeat(10_000);
    const pipeline = redis.pipeline();
    for (let n = 1; n <= 1000; n += 1) pipeline.xadd(KEYS.updates, `${n}-0`, 'fat', fat);
    await pipeline.exec();
    await storeCheckpoint(idOf('1000-0'));
    const used = async () => Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1] ?? 0);
    const full = await used();
    await redis.config('SET', 'maxmemory', full - 1_000_000);
    try {
      await expect(redis.xadd(KEYS.updates, '*', 'n', '1')).rejects.toThrow('OOM');
      await trimAll(KEEP_ALL);
      expect(await redis.xlen(KEYS.updates)).toBeLessThan(300);
      await redis.xadd(KEYS.updates, '*', 'n', '1');
    } finally {
      await redis.config('SET', 'maxmemory', 0);
    }
  });
});

test('nodes that are larger than a step are trimmed nevertheless', async () => {
  await redis.config('SET', 'stream-node-max-entries', 3000, 'stream-node-max-bytes', 0);
  try {
    const ids = Array.from({ length: 10_000 }, (_, n) => idOf(`${n + 1}-0`));
    await fill(KEYS.events, ids);
    await fill(KEYS.updates, ids);
    await storeCheckpoint(idOf('10000-0'));
    await trimAll({ feedMaxLength: 500, retentionMs: DAY_MS });
    expect(await redis.xlen(KEYS.events)).toBe(1);
    expect(await redis.xlen(KEYS.updates)).toBe(1000);
  } finally {
    await redis.config('SET', 'stream-node-max-entries', 100, 'stream-node-max-bytes', 4096);
  }
});

describe('nothing is trimmed', () => {
  beforeEach(async () => {
    const ids = Array.from({ length: 500 }, (_, n) => idOf(`${n + 1}-0`));
    await fill(KEYS.events, ids);
    await fill(KEYS.updates, ids);
    await fill(KEYS.quarantine, ids);
    await storeCheckpoint(idOf('500-0'));
  });

  test.for<[when: string, change: () => Promise<unknown>]>([
    ['by a projector that does not hold the lease', () => redis.set(KEYS.lease, 'another')],
    ['where nobody holds it', () => redis.del(KEYS.lease)],
    ['before anything was applied', () => redis.hdel(KEYS.projector, 'checkpoint')],
    ['by a checkpoint that is none', () => redis.hset(KEYS.projector, 'checkpoint', 'all')],
    ['in a read model of a later layout', () => redis.hset(KEYS.projector, 'layout', '2')],
    ['amid a migration', () => redis.hset(KEYS.projector, 'layout', '0>1')],
    ['right after Redis was emptied', () => redis.flushall()],
  ])('%s', async ([, change]) => {
    await change();
    const before = await dumpKeyspace(redis);
    expect(await step({ feedMaxLength: 200, retentionMs: 0 })).toBeUndefined();
    expect(await dumpKeyspace(redis)).toEqual(before);
  });

  test('of the quarantine, ever', async () => {
    await trimAll({ feedMaxLength: 200, retentionMs: 0 });
    expect(await redis.xlen(KEYS.quarantine)).toBe(500);
    expect(await idsOf(KEYS.events)).toEqual(['500-0']);
  });

  test('where there are no streams', async () => {
    await redis.del(KEYS.events, KEYS.updates);
    const before = await dumpKeyspace(redis);
    expect(await trimAll({ feedMaxLength: 200, retentionMs: 0 })).toEqual([
      { events: 0, changes: 0, isMore: false },
    ]);
    expect(await dumpKeyspace(redis)).toEqual(before);
  });

  test('by the clock of a projector that was set back, nor by one that is ahead of Redis', async () => {
    const young = idOf(`${Date.now()}-0`);
    const last = idOf(`${2 ** 50}-0`);
    await fill(KEYS.events, [young, last]);
    await storeCheckpoint(last);
    await step({ ...KEEP_ALL, retentionMs: DAY_MS }, 0);
    expect(await redis.xlen(KEYS.events)).toBe(502);
    await trimAll({ ...KEEP_ALL, retentionMs: DAY_MS }, Date.now() + 365 * DAY_MS);
    expect(await idsOf(KEYS.events)).toEqual([young, last]);
  });
});
