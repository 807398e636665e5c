import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { beforeEach, expect, test } from 'vitest';
import { readEvents } from '../../src/projector/event-source.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { anEntry } from '../fixtures/events.ts';
import { useRedis } from '../fixtures/redis.ts';
import { appendEntries } from './batches.ts';

const server = useRedis();
let redis: Redis;

beforeEach(() => {
  redis = server.connect();
});

/** Reads on this connection until the test ends it. */
function read(batchSize: number, signal: AbortSignal) {
  const doorbell = { url: server.url, name: 'doorbell', onError: () => undefined };
  const options = { redis, doorbell, stream: KEYS.events, batchSize };
  return readEvents(options, undefined, signal);
}

test('batches come in order, whole, and each once, also those that are read ahead', async () => {
  const appended = await appendEntries(
    redis,
    Array.from({ length: 25 }, () => anEntry()),
  );
  const stopping = new AbortController();
  const lengths: number[] = [];
  const ids: string[] = [];
  for await (const entries of read(10, stopping.signal)) {
    if (entries.length === 0) break;
    lengths.push(entries.length);
    ids.push(...entries.map(({ id }) => id));
  }
  stopping.abort();
  expect(lengths).toEqual([10, 10, 5]);
  expect(ids).toEqual(appended.map(({ id }) => id));
});

test('after a full batch that none follows, an empty one comes before the wait for more', async () => {
  const stopping = new AbortController();
  const batches = read(2, stopping.signal);
  // The first wait is a short one.
  expect(await batches.next()).toMatchObject({ value: [] });
  await appendEntries(redis, [anEntry(), anEntry()]);
  const full = await batches.next();
  expect(full.value).toHaveLength(2);

  let isThere = false;
  const next = batches.next().then((result) => {
    isThere = true;
    return result;
  });
  const observer = server.connect();
  let hasWaited = false;
  while (!isThere && !hasWaited) {
    hasWaited = /blocked_clients:[1-9]/.test(await observer.info('clients'));
    if (!isThere) await sleep(1);
  }
  expect(hasWaited).toBe(false);
  expect((await next).value).toEqual([]);
  stopping.abort();
  await batches.return();
});
