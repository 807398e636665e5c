import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { eventually } from '../fixtures/facts.ts';
import { useRedis } from '../fixtures/redis.ts';
import { placeId } from '../hub/histories.ts';
import { Feed } from './feed.ts';
import { runTailer } from './running-tailer.ts';

const server = useRedis();
const other = useRedis();
let redis: Redis;
let feed: Feed;

beforeEach(() => {
  redis = server.connect();
  feed = new Feed(redis);
});

describe('a tailer that starts', () => {
  test('fills the sink from the end of the feed, and is ready only then', async () => {
    const ids = await feed.commit(5, { silent: 2 });
    let wasReadyBefore = true;
    const tailer = await runTailer(server.url, {
      replayLimit: 3,
      onSink: () => {
        wasReadyBefore &&= tailer.health().ready;
      },
    });
    expect(tailer.health().ready).toBe(false);
    await eventually(() => expect(tailer.health().ready).toBe(true));
    expect(tailer.resets).toEqual([
      {
        cause: 'start',
        ids: ids.slice(2),
        floor: ids[1],
        head: { epoch: await feed.epoch(), id: feed.head },
      },
    ]);
    expect(wasReadyBefore).toBe(false);
    expect(tailer.health().details).toMatchObject({ epoch: await feed.epoch() });
  });

  test('makes the epoch where there is none, and keeps the one that there is', async () => {
    const first = await runTailer(server.url);
    await first.whenReset(1);
    const epoch = await feed.epoch();
    expect(epoch).toMatch(/^[0-9a-z]{1,32}$/);
    const second = await runTailer(server.url);
    expect((await second.whenReset(1)).head.epoch).toBe(epoch);
    expect(await feed.epoch()).toBe(epoch);
    expect(await feed.formerEpochs()).toEqual([]);
  });

  test.each([
    ['has never lost a change', 0, 0, 3],
    ['has lost its first ones', 2, 2, 1],
    ['has lost all of them', 0, 3, 0],
  ])('on a feed that %s begins after what it cannot know', async (_, keep, floorPlace, count) => {
    await feed.commit(3, { keep });
    if (count === 0) await redis.xtrim(KEYS.updates, 'MAXLEN', 0);
    const tailer = await runTailer(server.url);
    const { ids, floor } = await tailer.whenReset(1);
    expect(floor).toBe(floorPlace === 0 ? '0-0' : placeId(floorPlace));
    expect(ids).toEqual(count === 0 ? [] : feed.ids.slice(-count));
  });

  test('takes another one along that starts at the same time, with one epoch', async () => {
    const tailers = await Promise.all(Array.from({ length: 4 }, () => runTailer(server.url)));
    const resets = await Promise.all(tailers.map((tailer) => tailer.whenReset(1)));
    expect(new Set(resets.map(({ head }) => head.epoch))).toEqual(new Set([await feed.epoch()]));
  });
});

describe('a tailer that follows', () => {
  test('brings every commit at once, with the position up to which it is whole', async () => {
    const tailer = await runTailer(server.url);
    await tailer.whenReset(1);
    const startedAt = performance.now();
    for (let commit = 0; commit < 20; commit += 1) {
      await feed.commit(1 + (commit % 3));
      await tailer.whenAt(feed.head);
      expect(tailer.ids).toEqual(feed.ids);
    }
    // By the end of a blocking read alone it would have been twenty seconds.
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect(tailer.resets).toHaveLength(1);
  });

  test('goes on where its doorbell is at a Redis in which nothing happens any more', async () => {
    const tailer = await runTailer(server.url, { doorbellUrl: other.url });
    await tailer.whenReset(1);
    await feed.commit(2, { silent: 1 });
    await tailer.whenAt(feed.head);
    expect(tailer.ids).toEqual(feed.ids);
    expect(tailer.resets).toHaveLength(1);
  });

  test('moves on with events that change nothing', async () => {
    const tailer = await runTailer(server.url);
    await tailer.whenReset(1);
    await feed.commit(2, { silent: 1 });
    await feed.commit(0, { silent: 5 });
    await tailer.whenAt(feed.head);
    expect(tailer.ids).toEqual(feed.ids);
  });

  test('brings more than one read holds whole, and is never past what it has brought', async () => {
    const heads: [id: string | undefined, last: string | undefined][] = [];
    const tailer = await runTailer(server.url, {
      onSink: () => heads.push([tailer.head?.id, tailer.ids.at(-1)]),
    });
    await tailer.whenReset(1);
    await feed.commit(450, { silent: 3 });
    await tailer.whenAt(feed.head);
    expect(tailer.ids).toEqual(feed.ids);
    expect(tailer.resets).toHaveLength(1);
    const onTheWay = heads.filter(([, last]) => last !== undefined && last !== feed.ids.at(-1));
    expect(onTheWay).toHaveLength(2);
    for (const [head, last] of onTheWay) expect(head).toBe(last);
  });

  test('steps over what is no change, and tells everyone to refresh', async () => {
    const tailer = await runTailer(server.url);
    await feed.commit(2);
    await tailer.whenAt(feed.head);
    await redis
      .multi()
      .xadd(KEYS.updates, placeId(3), 'item', 'nonsense')
      .hset(KEYS.projector, 'checkpoint', placeId(3))
      .exec();
    expect(await tailer.whenReset(2)).toMatchObject({
      cause: 'resync',
      ids: [],
      floor: placeId(3),
      head: { id: placeId(3) },
    });
    await feed.commit(0, { silent: 1 });
    const ids = await feed.commit(2);
    await tailer.whenAt(feed.head);
    expect(tailer.ids).toEqual(ids);
    expect(tailer.resets).toHaveLength(2);
  });

  test('stops at once when it is told to, twice, and leaves no connection', async () => {
    const tailer = await runTailer(server.url);
    await tailer.whenReset(1);
    expect((await server.foreignConnections()).map(({ name }) => name).sort()).toEqual([
      'tasktrail:commands',
      'tasktrail:doorbell',
    ]);
    const startedAt = performance.now();
    await Promise.all([tailer.stop(), tailer.stop()]);
    expect(performance.now() - startedAt).toBeLessThan(900);
    await eventually(async () => expect(await server.foreignConnections()).toEqual([]));
  });
});
