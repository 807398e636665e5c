import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../fixtures/facts.ts';
import { useRedis } from '../fixtures/redis.ts';
import { Feed } from './feed.ts';
import { type RunningTailer, runTailer } from './running-tailer.ts';

/** How soon it must follow again once Redis is back. */
const SECONDS_MS = 5000;

let redis: Redis;
let feed: Feed;

async function whenReady({ health }: RunningTailer): Promise<void> {
  await eventually(() => expect(health().ready).toBe(true));
}

async function whenNotReady({ health }: RunningTailer): Promise<void> {
  await eventually(() => expect(health().ready).toBe(false));
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

describe('INV10: a tailer, where Redis keeps its data,', () => {
  const server = useRedis({ appendOnly: 'always' });

  beforeEach(() => {
    redis = server.connect();
    feed = new Feed(redis);
  });

  test('goes on within seconds of a restart, and refreshes nobody', async () => {
    await feed.commit(3);
    const tailer = await runTailer(server.url);
    await whenReady(tailer);
    await server.server.kill();
    const killedAt = performance.now();
    await whenNotReady(tailer);
    // A connection that breaks is noticed at once, without waiting for the loop to be late.
    expect(performance.now() - killedAt).toBeLessThan(2000);
    const wasReady = watchForReady(tailer);
    await eventually(() => expect(tailer.restarts()).toBeGreaterThan(3));
    expect(wasReady()).toBe(false);
    await server.server.restart();
    const startedAt = performance.now();
    await feed.commit(3, { silent: 1 });
    await tailer.whenAt(feed.head);
    expect(performance.now() - startedAt).toBeLessThan(SECONDS_MS);
    await whenReady(tailer);
    expect(tailer.ids).toEqual(feed.ids);
    expect(tailer.resets).toHaveLength(1);
  });

  test('waits, not ready, for a Redis that is not there when it starts', async () => {
    await feed.commit(3);
    await server.server.kill();
    const tailer = await runTailer(server.url);
    const wasReady = watchForReady(tailer);
    await eventually(() => expect(tailer.restarts()).toBeGreaterThan(3));
    expect(wasReady()).toBe(false);
    expect(tailer.resets).toEqual([]);
    await server.server.restart();
    expect((await tailer.whenReset(1)).ids).toEqual(feed.ids);
    await whenReady(tailer);
  });

  test('takes a Redis that is silent for dead, though its connections stand, and loses nothing', async () => {
    await feed.commit(3);
    const tailer = await runTailer(server.url);
    await whenReady(tailer);
    const before = await doorbells();
    await server.server.pause();
    const pausedAt = performance.now();
    await whenNotReady(tailer);
    expect(performance.now() - pausedAt).toBeLessThan(4500);
    const wasReady = watchForReady(tailer);
    await eventually(() => expect(performance.now() - pausedAt).toBeGreaterThan(6000));
    expect(wasReady()).toBe(false);
    await server.server.resume();
    const resumedAt = performance.now();
    await feed.commit(3);
    await tailer.whenAt(feed.head);
    expect(performance.now() - resumedAt).toBeLessThan(SECONDS_MS);
    await whenReady(tailer);
    expect(tailer.ids).toEqual(feed.ids);
    expect(tailer.resets).toHaveLength(1);
    const after = await doorbells();
    expect(after).toHaveLength(1);
    expect(after).not.toEqual(before);
  });

  test.each(['doorbell', 'commands'])('survives that its %s connection is killed', async (name) => {
    await feed.commit(3);
    const tailer = await runTailer(server.url);
    await whenReady(tailer);
    for (let kill = 1; kill <= 3; kill += 1) {
      await redis.client('KILL', 'ID', await connectionId(name));
      await feed.commit(2);
      await tailer.whenAt(feed.head);
      await whenReady(tailer);
    }
    expect(tailer.ids).toEqual(feed.ids);
    expect(tailer.resets).toHaveLength(1);
  });

  test('survives that its blocking read is unblocked with an error', async () => {
    const tailer = await runTailer(server.url);
    await whenReady(tailer);
    const id = await connectionId('doorbell');
    await eventually(async () => expect(await redis.client('UNBLOCK', id, 'ERROR')).toBe(1));
    await eventually(() => expect(tailer.restarts()).toBe(1));
    await feed.commit(2);
    await tailer.whenAt(feed.head);
    expect(tailer.resets).toHaveLength(1);
  });

  test.each([
    ['silent', () => server.server.pause()],
    ['gone', () => server.server.kill()],
  ])('stops within seconds while Redis is %s', async (_, take) => {
    const tailer = await runTailer(server.url);
    await whenReady(tailer);
    await take();
    await whenNotReady(tailer);
    const startedAt = performance.now();
    await tailer.stop();
    expect(performance.now() - startedAt).toBeLessThan(SECONDS_MS);
  });

  async function connectionId(name: string): Promise<number> {
    return await eventually(async () => {
      const found = await server.foreignConnections();
      const [connection] = found.filter((one) => one.name === `tasktrail:${name}`);
      if (connection === undefined) throw new Error(`there is no connection ${name}`);
      return connection.id;
    });
  }

  async function doorbells(): Promise<number[]> {
    const found = await server.foreignConnections();
    return found.filter(({ name }) => name === 'tasktrail:doorbell').map(({ id }) => id);
  }
});

describe('INV7: a tailer, where Redis keeps nothing,', () => {
  const server = useRedis();

  test('opens a new epoch after a restart, once, and follows what comes then', async () => {
    feed = new Feed(server.connect());
    await feed.commit(3);
    const tailers = [await runTailer(server.url), await runTailer(server.url)];
    await Promise.all(tailers.map((tailer) => tailer.whenReset(1)));
    const before = await feed.epoch();
    await server.server.kill();
    await Promise.all(tailers.map(whenNotReady));
    await server.server.restart();
    const resets = await Promise.all(tailers.map((tailer) => tailer.whenReset(2)));
    for (const { cause, ids, head } of resets) {
      expect({ cause, ids }).toEqual({ cause: 'epoch', ids: [] });
      expect(head.epoch).toBe(await feed.epoch());
    }
    expect(await feed.formerEpochs()).toEqual([before]);
    await feed.commit(2);
    await Promise.all(tailers.map((tailer) => tailer.whenAt(feed.head)));
    await Promise.all(tailers.map(whenReady));
    expect(tailers.map(({ resets: { length } }) => length)).toEqual([2, 2]);
  });
});
