import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  type ConnectionOptions,
  connectForBlocking,
  connectForCommands,
} from '../../src/redis/connections.ts';
import { eventually } from '../fixtures/facts.ts';
import { startLosingProxy } from '../fixtures/losing-proxy.ts';
import { useRedis } from '../fixtures/redis.ts';

const server = useRedis();

async function open(
  connect: (options: ConnectionOptions) => Redis,
  url = server.url,
): Promise<{ redis: Redis; errors: Error[] }> {
  const errors: Error[] = [];
  const redis = connect({ url, name: 'test', onError: (error) => errors.push(error) });
  onTestFinished(() => redis.disconnect());
  await redis.connect();
  return { redis, errors };
}

/** How long a promise takes to settle, in milliseconds, and what became of it. */
async function timed(promise: Promise<unknown>): Promise<{ tookMs: number; error: unknown }> {
  const startedAt = performance.now();
  const error = await promise.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  return { tookMs: performance.now() - startedAt, error };
}

describe('a connection for commands', () => {
  test('shows what it is for', async () => {
    const { redis } = await open(connectForCommands);
    expect(await redis.client('GETNAME')).toBe('tasktrail:test');
  });

  test('refuses commands at once while Redis is away, and works again once it is back', async () => {
    const { redis, errors } = await open(connectForCommands);
    await server.server.kill();
    await eventually(() => expect(redis.status).not.toBe('ready'));
    const refused = redis.ping().catch(() => 'refused');
    expect(await Promise.race([refused, nextTurn('still waiting')])).toBe('refused');
    await eventually(() => expect(errors.length).toBeGreaterThan(2));

    await server.server.restart();
    const backAt = performance.now();
    await eventually(async () => expect(await redis.ping()).toBe('PONG'));
    expect(performance.now() - backAt).toBeLessThan(3000);
  });

  test('gives a command up that gets no answer, and never sends it again', async () => {
    const { redis } = await open(connectForCommands);
    await server.server.pause();
    const { tookMs, error } = await timed(redis.incr('counter'));
    expect(error).toBeInstanceOf(Error);
    expect(tookMs).toBeLessThan(5000);
    await server.server.resume();
    await eventually(async () => expect(await redis.ping()).toBe('PONG'));
    expect(Number(await redis.get('counter'))).toBeLessThanOrEqual(1);
  });

  test('that is idle is left alone', async () => {
    const { redis, errors } = await open(connectForCommands);
    const id = await redis.client('ID');
    const idleSince = performance.now();
    await eventually(() => expect(performance.now() - idleSince).toBeGreaterThan(4500));
    expect(await redis.client('ID')).toBe(id);
    expect(errors).toEqual([]);
  });

  test('leaves a network that fell silent while it reconnected, and works once it is back', async () => {
    await using proxy = await startLosingProxy(server.url);
    const { redis } = await open(connectForCommands, proxy.url);
    proxy.fallSilent();
    const lost = timed(redis.ping());
    proxy.cut();
    expect((await lost).error).toBeInstanceOf(Error);
    // It is connected, and waits for the first answer.
    await eventually(() => expect(redis.status).toBe('connect'));
    proxy.recover();
    const backAt = performance.now();
    await eventually(async () => expect(await redis.ping()).toBe('PONG'), 15_000);
    expect(performance.now() - backAt).toBeLessThan(9000);
  });
});

describe('a connection for blocking reads', () => {
  test('never comes back after it was lost', async () => {
    const { redis } = await open(connectForBlocking);
    const reading = timed(redis.xread('BLOCK', 60_000, 'STREAMS', 'events', '0-0'));
    await server.server.kill();
    expect((await reading).error).toBeInstanceOf(Error);
    await eventually(() => expect(redis.status).toBe('end'));
    await server.server.restart();
    expect((await timed(redis.ping())).error).toBeInstanceOf(Error);
    expect(redis.status).toBe('end');
  });
});
