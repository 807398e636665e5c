import { STREAM_START, type StreamId } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { BlockingReader, LONGEST_READ_MS } from '../../src/redis/blocking-reader.ts';
import { DeadlineError } from '../../src/runtime/deadline.ts';
import { idOf } from '../fixtures/events.ts';
import { eventually } from '../fixtures/facts.ts';
import { startLosingProxy } from '../fixtures/losing-proxy.ts';
import { useRedis } from '../fixtures/redis.ts';

const STREAM = 'events';
const server = useRedis();
let redis: Redis;
let closing: AbortController;

beforeEach(() => {
  redis = server.connect();
  closing = new AbortController();
});

async function openReader(url = server.url): Promise<BlockingReader> {
  const options = { url, name: 'reader', onError: () => undefined };
  const reader = await BlockingReader.open(options, closing.signal);
  onTestFinished(() => reader[Symbol.dispose]());
  return reader;
}

async function append(id: string, ...pairs: string[]): Promise<StreamId> {
  await redis.xadd(STREAM, id, ...pairs);
  return idOf(id);
}

/** Resolves once the reader's command is blocked at the server. */
async function whenBlocked(): Promise<void> {
  await eventually(async () => {
    expect(await redis.info('clients')).toMatch(/blocked_clients:1\b/);
  });
}

describe('a blocking reader', () => {
  test('gives entries after an id, oldest first, and no more than it was asked for', async () => {
    for (const id of ['1-9', '1-10', '2-0', '10-0']) await append(id, 'n', id);
    const reader = await openReader();
    const idsAfter = async (after: StreamId, count: number) =>
      (await reader.read(STREAM, after, count)).map(({ id }) => id);
    expect(await idsAfter(STREAM_START, 2)).toEqual(['1-9', '1-10']);
    expect(await idsAfter(idOf('1-9'), 10)).toEqual(['1-10', '2-0', '10-0']);
    expect(await idsAfter(idOf('2-0'), 10)).toEqual(['10-0']);
  });

  test('gives an entry that comes while it waits, at once', async () => {
    const reader = await openReader();
    const reading = reader.read(STREAM, STREAM_START, 10);
    await whenBlocked();
    await append('5-0', 'a', 'b', 'a', '');
    expect(await reading).toEqual([{ id: '5-0', pairs: ['a', 'b', 'a', ''] }]);
  });

  test('reads something else as soon as an entry comes, of the same moment', async () => {
    const reader = await openReader();
    const lengths: number[] = [];
    const reading = reader.readThen(STREAM, STREAM_START, async (connection) => {
      lengths.push(await connection.xlen(STREAM));
      return 'read';
    });
    await whenBlocked();
    expect(lengths).toEqual([]);
    await redis.multi().xadd(STREAM, '5-0', 'a', 'b').xadd(STREAM, '6-0', 'a', 'b').exec();
    expect(await reading).toBe('read');
    expect(lengths).toEqual([2]);
    // It was answered in the same connection's turn, so that it waits for the next one again.
    expect(await reader.read(STREAM, idOf('5-0'), 10)).toHaveLength(1);
  });

  test('has nothing of that when no entry came, and fails as it does', async () => {
    const reader = await openReader();
    const read = () => Promise.resolve('read');
    expect(await reader.readThen(STREAM, STREAM_START, read)).toBeUndefined();
    await append('5-0', 'a', 'b');
    const fail = () => Promise.reject(new Error('it cannot be read'));
    await expect(reader.readThen(STREAM, STREAM_START, fail)).rejects.toThrow('cannot be read');
  });

  test('gives none when none came for a second', async () => {
    const reader = await openReader();
    const startedAt = performance.now();
    expect(await reader.read(STREAM, STREAM_START, 10)).toEqual([]);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(950);
  });

  test('is closed by the signal, and a read that waits rejects', async () => {
    const reader = await openReader();
    const reading = reader.read(STREAM, STREAM_START, 10);
    await whenBlocked();
    closing.abort();
    await expect(reading).rejects.toThrow();
    await eventually(async () => expect(await server.foreignConnections()).toEqual([]));
  });

  test('does not open once the signal has aborted', async () => {
    closing.abort();
    await expect(openReader()).rejects.toThrow('aborted');
    await redis.ping();
    expect(await server.foreignConnections()).toEqual([]);
  });

  test('may be closed twice', async () => {
    const reader = await openReader();
    reader[Symbol.dispose]();
    reader[Symbol.dispose]();
    await eventually(async () => expect(await server.foreignConnections()).toEqual([]));
  });

  test('does not wait for a Redis that is not there', async () => {
    await server.server.kill();
    const startedAt = performance.now();
    await expect(openReader()).rejects.toThrow();
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });

  test('gives up, within its deadline, a network that fell silent while it reads', async () => {
    await using proxy = await startLosingProxy(server.url);
    const reader = await openReader(proxy.url);
    proxy.fallSilent();
    const startedAt = performance.now();
    await expect(reader.read(STREAM, STREAM_START, 10)).rejects.toThrow(DeadlineError);
    expect(performance.now() - startedAt).toBeLessThan(LONGEST_READ_MS + 500);
    reader[Symbol.dispose]();
    await eventually(() => expect(proxy.open).toBe(0));
  });

  test('gives up, within its deadline, a network that fell silent while it connects', async () => {
    await using proxy = await startLosingProxy(server.url);
    proxy.fallSilent();
    const startedAt = performance.now();
    await expect(openReader(proxy.url)).rejects.toThrow(DeadlineError);
    expect(performance.now() - startedAt).toBeLessThan(LONGEST_READ_MS + 500);
    await eventually(() => expect(proxy.open).toBe(0));
  });
});
