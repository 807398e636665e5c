import type { StreamId } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { trimStep } from '../../src/projector/trim.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { eventually } from '../fixtures/facts.ts';
import { useRedis } from '../fixtures/redis.ts';
import { Feed } from './feed.ts';
import { type RunningTailer, runTailer } from './running-tailer.ts';

const server = useRedis();
let redis: Redis;
let feed: Feed;

const HOLDER = 'the projector';
/** A user of Redis that a test can take its rights from. */
const HELD_BACK = 'held-back';

beforeEach(async () => {
  redis = server.connect();
  feed = new Feed(redis);
  await redis.acl('SETUSER', HELD_BACK, 'on', '>secret', '~*', '+@all');
  // As exact as can be, so that every length is met.
  await redis.config('SET', 'stream-node-max-entries', 1);
  await redis.set(KEYS.lease, HOLDER);
  await redis.hset(KEYS.projector, 'layout', '1');
});

function heldBackUrl(): string {
  const url = new URL(server.url);
  url.username = HELD_BACK;
  url.password = 'secret';
  return url.href;
}

/** Trims as the projector's process does, step by step. */
async function trimTo(keep: number): Promise<void> {
  const limits = { feedMaxLength: keep, retentionMs: undefined };
  while ((await trimStep(redis, KEYS, HOLDER, limits, Date.now()))?.isMore) {}
  expect(await redis.xlen(KEYS.updates)).toBe(Math.min(keep, feed.ids.length));
}

function lastOf(ids: readonly StreamId[], count: number): StreamId[] {
  return ids.slice(ids.length - count);
}

/** Lets a tailer read nothing while others work. */
async function whileHeldBack(tailer: RunningTailer, work: () => Promise<void>): Promise<void> {
  await redis.acl('SETUSER', HELD_BACK, '-eval', '-evalsha');
  await eventually(() => expect(tailer.health().details.failure).toBe('NOPERM'));
  await work();
  await redis.acl('SETUSER', HELD_BACK, '+eval', '+evalsha');
}

describe('INV4, INV7: a tailer that is behind when the feed is trimmed', () => {
  test.for<[what: string, changes: number, keep: number, isRefreshed: boolean]>([
    ['reads on where the change that it read last is the oldest one left', 9, 10, false],
    ['refreshes its clients where that one is gone, although nothing else is', 10, 10, true],
    ['refreshes them where changes are gone that it has not read', 30, 10, true],
    ['reads on from several pages behind', 450, 460, false],
    ['refreshes them from several pages behind', 450, 440, true],
  ])('%s', async ([, changes, keep, isRefreshed]) => {
    await feed.commit(20);
    const tailer = await runTailer(heldBackUrl());
    await tailer.whenAt(feed.head);
    const epoch = await feed.epoch();
    await whileHeldBack(tailer, async () => {
      await feed.commit(changes);
      await trimTo(keep);
    });
    await tailer.whenAt(feed.head);
    expect(tailer.resets.map(({ cause }) => cause)).toEqual(
      isRefreshed ? ['start', 'resync'] : ['start'],
    );
    // Whatever it holds is the end of all changes, without a gap.
    expect(tailer.ids).toEqual(lastOf(feed.ids, tailer.ids.length));
    expect(await feed.epoch()).toBe(epoch);
  });

  test('never skips a change without a refresh while commits and trims go on beside it', async () => {
    await feed.commit(5);
    const tailer = await runTailer(server.url, { replayLimit: 20 });
    await tailer.whenAt(feed.head);
    for (let round = 0; round < 150; round += 1) {
      const resets = tailer.resets.length;
      const before = tailer.ids.length;
      // In one go, so that the tailer meets every state in between.
      const changes = 1 + ((round * 7) % 60);
      await Promise.all([feed.commit(changes), trimTo(1 + ((round * 13) % 50)).catch(() => {})]);
      await tailer.whenAt(feed.head);
      expect(tailer.ids).toEqual(lastOf(feed.ids, tailer.ids.length));
      if (tailer.resets.length === resets) expect(tailer.ids.length).toBe(before + changes);
    }
    // Both happened, or this has shown nothing.
    expect(tailer.resets.length).toBeGreaterThan(1);
    expect(tailer.resets.length).toBeLessThan(151);
    expect(new Set(tailer.resets.slice(1).map(({ cause }) => cause))).toEqual(new Set(['resync']));
  });
});
