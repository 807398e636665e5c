import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { FeedReader } from '../../src/tailer/feed-reader.ts';
import { eventually } from '../fixtures/facts.ts';
import { useRedis } from '../fixtures/redis.ts';
import { Feed } from './feed.ts';
import { type Reset, type RunningTailer, runTailer } from './running-tailer.ts';

const server = useRedis();
let redis: Redis;
let feed: Feed;

/** A user of Redis that a test can take its rights from. */
const HELD_BACK = 'held-back';

function heldBackUrl(): string {
  const url = new URL(server.url);
  url.username = HELD_BACK;
  url.password = 'secret';
  return url.href;
}

beforeEach(async () => {
  redis = server.connect();
  await redis.acl('SETUSER', HELD_BACK, 'on', '>secret', '~*', '+@all');
  feed = new Feed(redis);
});

/** A tailer that has read what there is. */
async function following(url = server.url): Promise<RunningTailer> {
  const tailer = await runTailer(url);
  await tailer.whenReset(1);
  await tailer.whenAt(feed.head);
  return tailer;
}

describe('INV7: a tailer', () => {
  test('notices within two seconds that Redis was emptied, although no connection dropped', async () => {
    await feed.commit(3);
    const tailer = await following();
    const before = await feed.epoch();
    await redis.flushall();
    const startedAt = performance.now();
    const { cause, head, ids } = await tailer.whenReset(2);
    expect(performance.now() - startedAt).toBeLessThan(2500);
    expect({ cause, ids }).toEqual({ cause: 'epoch', ids: [] });
    expect(head).toEqual({ epoch: await feed.epoch(), id: '0-0' });
    expect(head.epoch).not.toBe(before);
    expect(await feed.formerEpochs()).toEqual([before]);
    expect(tailer.restarts()).toBe(0);
  });

  test('notices it also when others have written a new history meanwhile', async () => {
    await feed.commit(3);
    const tailer = await following();
    const before = await feed.epoch();
    await redis.multi().del(KEYS.updates).del(KEYS.projector).exec();
    await feed.commit(2);
    const { head, cause } = await tailer.whenReset(2);
    expect(cause).toBe('epoch');
    expect(head.epoch).not.toBe(before);
    await tailer.whenAt(feed.head);
  });

  test('notices a lost tail', async () => {
    await feed.commit(3);
    const lose = await feed.backUp();
    const tailer = await runTailer(server.url);
    await tailer.whenReset(1);
    const loseWithEpoch = await feed.backUp();
    await feed.commit(2);
    await tailer.whenAt(feed.head);
    const before = await feed.epoch();
    await loseWithEpoch();
    const { cause, head, ids } = await tailer.whenReset(2);
    expect({ cause, ids }).toEqual({ cause: 'epoch', ids: feed.ids.slice(0, 3) });
    expect(head.epoch).not.toBe(before);
    expect(await feed.formerEpochs()).toEqual([before]);
    // Also one from before there was any epoch.
    await lose();
    expect((await tailer.whenReset(3)).cause).toBe('epoch');
    expect(new Set(tailer.resets.map((reset) => reset.head.epoch)).size).toBe(3);
  });

  test('notices a lost tail although new changes have passed it', async () => {
    await feed.commit(3);
    const tailer = await following(heldBackUrl());
    const lose = await feed.backUp();
    const lost = await feed.commit(2, { silent: 1 });
    await tailer.whenAt(feed.head);
    const other = await whileHeldBack(tailer, async () => {
      await lose();
      await feed.commit(3);
    });
    expect(other.cause).toBe('epoch');
    expect(other.ids).not.toContain(lost[0]);
    expect(other.ids).toEqual(feed.ids.filter((id) => !lost.includes(id)));
  });

  test('notices that events which changed nothing were lost, whose position it has told', async () => {
    await feed.commit(3);
    const tailer = await following();
    const lose = await feed.backUp();
    await feed.commit(0, { silent: 4 });
    await tailer.whenAt(feed.head);
    await lose();
    expect((await tailer.whenReset(2)).cause).toBe('epoch');
  });

  test('refreshes its clients when the feed was trimmed past what it has read, in the same epoch', async () => {
    await feed.commit(3);
    const tailer = await following();
    const epoch = await feed.epoch();
    const ids = await feed.commit(30, { keep: 10 });
    const { cause, head, floor, ids: begun } = await tailer.whenReset(2);
    expect({ cause, floor, begun }).toEqual({
      cause: 'resync',
      floor: ids.at(-10),
      begun: ids.slice(-9),
    });
    expect(head).toEqual({ epoch, id: feed.head });
    await feed.commit(1);
    await tailer.whenAt(feed.head);
    expect(tailer.resets).toHaveLength(2);
    expect(await feed.formerEpochs()).toEqual([]);
  });

  test('refreshes them also when it had read no change at all before the feed was trimmed', async () => {
    const tailer = await following();
    await feed.commit(30, { keep: 10 });
    expect((await tailer.whenReset(2)).cause).toBe('resync');
    await feed.commit(1);
    await tailer.whenAt(feed.head);
    expect(tailer.resets).toHaveLength(2);
  });

  test('reads on where the feed was trimmed up to what it has read', async () => {
    await feed.commit(30);
    const tailer = await following();
    await feed.commit(5, { keep: 6 });
    await tailer.whenAt(feed.head);
    expect(tailer.ids).toEqual(feed.ids);
    expect(tailer.resets).toHaveLength(1);
  });
});

describe('an epoch', () => {
  test('that came back with a backup is not trusted, and its cursors do not become valid again', async () => {
    await feed.commit(3);
    const tailer = await following();
    const old = await feed.epoch();
    const restore = await feed.backUp();
    await feed.commit(2);
    await tailer.whenAt(feed.head);
    await redis.flushall();
    const between = (await tailer.whenReset(2)).head.epoch;
    await restore();
    const { cause, head } = await tailer.whenReset(3);
    expect(cause).toBe('epoch');
    expect([old, between]).not.toContain(head.epoch);
    expect(await feed.epoch()).toBe(head.epoch);
    expect(await feed.formerEpochs()).toEqual([between, old]);
  });

  test('is replaced exactly once by servers that see a loss at the same time', async () => {
    await feed.commit(3);
    const tailers = await Promise.all(Array.from({ length: 4 }, () => following()));
    for (let loss = 1; loss <= 5; loss += 1) {
      await feed.commit(2);
      await Promise.all(tailers.map((tailer) => tailer.whenAt(feed.head)));
      const former = await feed.formerEpochs();
      const before = await feed.epoch();
      await loseTail(2);
      const resets = await Promise.all(tailers.map((tailer) => tailer.whenReset(loss + 1)));
      const epoch = await feed.epoch();
      expect(new Set(resets.map(({ head }) => head.epoch))).toEqual(new Set([epoch]));
      const added = (await feed.formerEpochs()).filter((name) => !former.includes(name));
      expect(added).toEqual([before]);
    }
    // None of them was refreshed twice for one loss.
    expect(tailers.map(({ resets }) => resets.length)).toEqual([6, 6, 6, 6]);
  });

  test('that was replaced twice while a server could not look is followed by it, not replaced', async () => {
    await feed.commit(9);
    const first = await following(heldBackUrl());
    const second = await following();
    const reset = await whileHeldBack(first, async () => {
      await loseTail(1);
      await second.whenReset(2);
      await loseTail(1);
      await second.whenReset(3);
      await feed.commit(1);
      await second.whenAt(feed.head);
    });
    expect(reset.cause).toBe('epoch');
    expect(reset.head).toEqual(second.head);
    await feed.commit(1);
    await Promise.all([first, second].map((tailer) => tailer.whenAt(feed.head)));
    expect(second.resets).toHaveLength(3);
    expect(first.resets).toHaveLength(2);
  });

  test('is put in place by one of many that ask at once, and names those it took the place of', async () => {
    const reader = new FeedReader(redis, KEYS);
    for (let round = 0; round < 20; round += 1) {
      const stored = (await feed.epoch()) ?? undefined;
      const known = `k${round}`;
      const names = Array.from({ length: 5 }, (_, asker) => `r${round}a${asker}`);
      await Promise.all(names.map((name) => reader.replaceEpoch(stored, name, known)));
      expect(names).toContain(await feed.epoch());
      const expected = stored === undefined ? [known] : [known, stored];
      expect((await feed.formerEpochs()).slice(0, expected.length)).toEqual(expected);
    }
    expect(await feed.formerEpochs()).toHaveLength(16);
  });
});

/** Lets others work while the tailer may not read, then lets it, and gives its next reset. */
async function whileHeldBack(tailer: RunningTailer, work: () => Promise<void>): Promise<Reset> {
  const resets = tailer.resets.length;
  await redis.acl('SETUSER', HELD_BACK, '-eval', '-evalsha');
  await eventually(() => expect(tailer.health().details.failure).toBe('NOPERM'));
  await work();
  await redis.acl('SETUSER', HELD_BACK, '+eval', '+evalsha');
  return await tailer.whenReset(resets + 1);
}

/** A loss of the newest changes alone: the epoch and those before it stay. */
async function loseTail(count: number): Promise<void> {
  const lost = feed.ids.splice(-count);
  await redis
    .multi()
    .xdel(KEYS.updates, ...lost)
    .hset(KEYS.projector, 'checkpoint', feed.ids.at(-1) ?? '')
    .exec();
}
