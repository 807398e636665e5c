import { STREAM_START } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Lag, lagOf, readLag } from '../../src/projector/lag.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { anEntry, idOf } from '../fixtures/events.ts';
import { useRedis } from '../fixtures/redis.ts';
import { appendEntries, applyBatch } from './batches.ts';

/** The time of the first entry that `appendEntries` makes; four of them share a millisecond. */
const FIRST_MS = 1_795_211_160_000;

describe('the lag', () => {
  const reading = {
    entriesAdded: 10,
    length: 10,
    entriesRead: 7,
    oldestWaiting: idOf(`${FIRST_MS}-0`),
  };

  test('is what was added and not read, and the age of the oldest of that', () => {
    expect(lagOf(reading, FIRST_MS + 1500)).toEqual({ events: 3, ms: 1500 });
  });

  test('is none when nothing waits, whatever was counted', () => {
    const nothing = { ...reading, oldestWaiting: undefined };
    expect(lagOf(nothing, FIRST_MS)).toEqual({ events: 0, ms: 0 });
  });

  test('is at least one event when one waits, and at most as many as there are', () => {
    expect(lagOf({ ...reading, entriesRead: 12 }, FIRST_MS).events).toBe(1);
    expect(lagOf({ ...reading, entriesRead: 0, length: 4 }, FIRST_MS).events).toBe(4);
  });

  test('is not negative when the clock of Redis is ahead of ours', () => {
    expect(lagOf(reading, FIRST_MS - 5000).ms).toBe(0);
  });
});

describe('the lag of a real Redis', () => {
  const server = useRedis();
  let redis: Redis;

  beforeEach(() => {
    redis = server.connect();
  });

  const lagNow = async (): Promise<Lag> => lagOf(await readLag(redis, KEYS), FIRST_MS + 1000);
  const entries = (count: number) => Array.from({ length: count }, () => anEntry());

  test('is none where there is nothing', async () => {
    expect(await lagNow()).toEqual({ events: 0, ms: 0 });
  });

  test('is all there is before the first commit, and what is left after it', async () => {
    const appended = await appendEntries(redis, entries(8));
    expect(await lagNow()).toEqual({ events: 8, ms: 1000 });
    await applyBatch(redis, appended.slice(0, 5));
    expect(await lagNow()).toEqual({ events: 3, ms: 999 });
    await applyBatch(redis, appended.slice(5));
    expect(await lagNow()).toEqual({ events: 0, ms: 0 });
  });

  test('is right after what was applied is trimmed', async () => {
    const appended = await appendEntries(redis, entries(20));
    await applyBatch(redis, appended.slice(0, 16));
    await redis.xtrim(KEYS.events, 'MINID', appended[16]?.id ?? STREAM_START);
    expect(await redis.xlen(KEYS.events)).toBe(4);
    expect((await lagNow()).events).toBe(4);
  });

  test('is right after everything was applied and trimmed, and new events came', async () => {
    await applyBatch(redis, await appendEntries(redis, entries(20)));
    await redis.xtrim(KEYS.events, 'MAXLEN', 0);
    expect(await lagNow()).toEqual({ events: 0, ms: 0 });
    await appendEntries(redis, entries(2), 20);
    expect((await lagNow()).events).toBe(2);
  });

  test('counts an event that waits although others were deleted before they were read', async () => {
    const appended = await appendEntries(redis, entries(8));
    for (const { id } of appended.slice(0, 6)) await redis.xdel(KEYS.events, id);
    expect((await lagNow()).events).toBe(2);
    await applyBatch(redis, appended.slice(6));
    expect((await lagNow()).events).toBe(0);
  });
});
