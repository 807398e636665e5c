import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { eventually } from '../fixtures/facts.ts';
import { useRedis } from '../fixtures/redis.ts';
import { Feed } from './feed.ts';
import { type RunningTailer, runTailer } from './running-tailer.ts';

const server = useRedis();
let redis: Redis;
let feed: Feed;

beforeEach(() => {
  redis = server.connect();
  feed = new Feed(redis);
});

async function whenReady({ health }: RunningTailer): Promise<void> {
  await eventually(() => expect(health()).toMatchObject({ ready: true }));
}

/** Looks at the health all the time; stops and says whether it was ever ready. */
function watchForReady({ health }: RunningTailer): () => boolean {
  let wasReady = false;
  const watching = setInterval(() => {
    wasReady ||= health().ready;
  }, 1);
  return () => {
    clearInterval(watching);
    return wasReady;
  };
}

/** A tailer whose sink throws after its next call, as often as it is told to. */
async function runRefusing(refusals: number) {
  let left = refusals;
  const tailer = await runTailer(server.url, {
    onSink: () => {
      if (left === 0) return;
      left -= 1;
      throw new Error('the sink is full');
    },
  });
  const refuse = () => {
    left += 1;
  };
  return { tailer, refuse };
}

describe('a feed ahead of the checkpoint', () => {
  test('is not followed, and changes the epoch no more than once, until it is deleted', async () => {
    await feed.commit(3);
    const tailer = await runTailer(server.url);
    await whenReady(tailer);
    const before = await feed.epoch();
    await redis.del(KEYS.projector);
    await eventually(() => {
      expect(tailer.health()).toMatchObject({
        ready: false,
        details: { failure: 'FeedAheadError' },
      });
    });
    const after = await feed.epoch();
    const wasReady = watchForReady(tailer);
    const restarts = tailer.restarts();
    await eventually(() => expect(tailer.restarts()).toBeGreaterThan(restarts + 5));
    expect(wasReady()).toBe(false);
    expect(await feed.epoch()).toBe(after);
    expect(await feed.formerEpochs()).toEqual([before]);

    await redis.del(KEYS.updates);
    const { cause, head } = await tailer.whenReset(2);
    expect({ cause, head }).toEqual({ cause: 'epoch', head: { epoch: after, id: '0-0' } });
    await whenReady(tailer);
    const ids = await feed.commit(2);
    await tailer.whenAt(feed.head);
    expect(tailer.ids).toEqual(ids);
    expect(tailer.resets).toHaveLength(2);
  });

  test('is not begun with, and is given no epoch, until it is deleted', async () => {
    await feed.commit(3);
    await redis.del(KEYS.projector);
    const tailer = await runTailer(server.url);
    const wasReady = watchForReady(tailer);
    await eventually(() => expect(tailer.restarts()).toBeGreaterThan(2));
    expect(wasReady()).toBe(false);
    expect(tailer.resets).toEqual([]);
    expect(await feed.epoch()).toBeNull();
    await redis.del(KEYS.updates);
    expect((await tailer.whenReset(1)).cause).toBe('start');
    await whenReady(tailer);
  });
});

describe('a sink that throws', () => {
  test('is given the same changes again, and those after them', async () => {
    await feed.commit(2);
    const { tailer, refuse } = await runRefusing(0);
    await whenReady(tailer);
    refuse();
    const refused = await feed.commit(3);
    await eventually(() => expect(tailer.restarts()).toBe(1));
    await feed.commit(1);
    await eventually(() => expect(tailer.ids).toHaveLength(feed.ids.length + refused.length));
    const [first, second] = [feed.ids.slice(0, 2), feed.ids.slice(2)];
    // The recording keeps what the sink then threw at.
    expect(tailer.ids).toEqual([...first, ...refused, ...second]);
    expect(tailer.resets).toHaveLength(1);
    await whenReady(tailer);
  });

  test('is filled again, and the tailer is not ready before', async () => {
    await feed.commit(2);
    const { tailer } = await runRefusing(3);
    const wasReady = watchForReady(tailer);
    await tailer.whenReset(3);
    expect(wasReady()).toBe(false);
    await whenReady(tailer);
    expect(tailer.resets.map(({ cause, ids }) => ({ cause, ids }))).toEqual(
      Array(4).fill({ cause: 'start', ids: feed.ids }),
    );
  });
});

test('INV10: a tailer loses nothing when all its connections are cut at once, again and again', async () => {
  const tailer = await runTailer(server.url);
  await whenReady(tailer);
  for (let cut = 1; cut <= 8; cut += 1) {
    await feed.commit(2);
    await redis.call('CLIENT', ['KILL', 'TYPE', 'normal']);
    await feed.commit(1);
  }
  await tailer.whenAt(feed.head);
  expect(tailer.ids).toEqual(feed.ids);
  expect(tailer.resets).toHaveLength(1);
  expect(tailer.restarts()).toBeGreaterThan(0);
  await whenReady(tailer);
});
