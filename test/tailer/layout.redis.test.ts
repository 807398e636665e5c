import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { OlderLayoutError } from '../../src/redis/layout.ts';
import { FatalError } from '../../src/runtime/retry.ts';
import { FeedReader } from '../../src/tailer/feed-reader.ts';
import { eventually } from '../fixtures/facts.ts';
import { useRedis } from '../fixtures/redis.ts';
import { Feed } from './feed.ts';
import { runTailer } from './running-tailer.ts';

const server = useRedis();
let redis: Redis;
let feed: Feed;

beforeEach(() => {
  redis = server.connect();
  feed = new Feed(redis);
});

const storeLayout = (layout: string) => redis.hset(KEYS.projector, { layout, program: '9.9.9' });

describe('a tailer whose feed a later program has laid out', () => {
  test('ends at once, and opens no epoch', async () => {
    await storeLayout('2');
    await feed.commit(3);
    const { ended, resets } = await runTailer(server.url);
    await expect(ended).rejects.toThrow(FatalError);
    await expect(ended).rejects.toThrow('run version 9.9.9 or later');
    expect(resets).toEqual([]);
    expect(await feed.epoch()).toBeNull();
  });

  test('ends while it runs, before it tells a change that it may misread', async () => {
    await storeLayout('1');
    await feed.commit(3);
    const tailer = await runTailer(server.url);
    await tailer.whenAt(feed.head);
    await redis.multi().hset(KEYS.projector, 'layout', '1>2').exec();
    await feed.commit(3);
    await expect(tailer.ended).rejects.toThrow(/layout 1>2/);
    expect(tailer.ids).toHaveLength(3);
  });
});

test('a tailer whose feed is not migrated yet is not ready, and follows it once it is', async () => {
  await storeLayout('0');
  await feed.commit(3);
  const tailer = await runTailer(server.url);
  await eventually(() =>
    expect(tailer.health()).toMatchObject({
      ready: false,
      details: { failure: 'OlderLayoutError' },
    }),
  );
  expect(tailer.resets).toEqual([]);
  await storeLayout('1');
  await tailer.whenAt(feed.head);
});

test('no reading of the feed goes without the check', async () => {
  await storeLayout('0');
  const reader = new FeedReader(redis, KEYS);
  await expect(reader.readAfter(undefined, 1)).rejects.toThrow(OlderLayoutError);
  await expect(reader.readTail(1)).rejects.toThrow(OlderLayoutError);
});
