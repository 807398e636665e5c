import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { RateLimits, RateVerdict } from '../../src/intake/intake.ts';
import { RedisRateLimits } from '../../src/intake/rate-limits.ts';
import { connectForCommands } from '../../src/redis/connections.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { eventually } from '../fixtures/facts.ts';
import { startLosingProxy } from '../fixtures/losing-proxy.ts';
import { useRedis } from '../fixtures/redis.ts';

const server = useRedis();
let admin: Redis;

beforeEach(() => {
  admin = server.connect();
});

/** The limits of one server: three requests of an address, five of a producer. */
async function openLimits(url = server.url) {
  const told: string[] = [];
  const redis = connectForCommands({ url, name: 'limits', onError: () => undefined });
  onTestFinished(() => redis.disconnect());
  await redis.connect();
  const limits: RateLimits = new RedisRateLimits({
    redis,
    keys: KEYS,
    requestsPerAddress: 3,
    requestsPerProducer: 5,
    observer: {
      onRateLimitsLocal: (isLocal, reason) => told.push(isLocal ? `local: ${reason}` : 'shared'),
    },
  });
  return { redis, limits, told };
}

/** What becomes of so many requests, one after the other. */
async function outcomes(count: number, limits: RateLimits, name = '192.0.2.1'): Promise<string> {
  const verdicts: RateVerdict[] = [];
  for (let i = 0; i < count; i += 1) verdicts.push(await limits.count('address', name));
  return verdicts.map(({ kind }) => (kind === 'passed' ? 'p' : 'l')).join('');
}

async function scriptsRun(): Promise<number> {
  const stats = await admin.info('commandstats');
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}

describe('a source', () => {
  test('may ask so often within a minute, over all servers', async () => {
    const one = await openLimits();
    const other = await openLimits();
    expect(await outcomes(2, one.limits)).toBe('pp');
    expect(await outcomes(2, other.limits)).toBe('pl');
    expect(await outcomes(2, one.limits)).toBe('ll');
  });

  test('that asks often at once is counted each time', async () => {
    const { limits } = await openLimits();
    const verdicts = await Promise.all(
      Array(20)
        .fill(0)
        .map(() => limits.count('producer', 'ci')),
    );
    expect(verdicts.filter(({ kind }) => kind === 'passed')).toHaveLength(5);
  });

  test('is told when it may ask again', async () => {
    const { limits } = await openLimits();
    const other = await openLimits();
    await outcomes(3, limits);
    // By Redis, and by what this server remembers.
    for (const one of [other.limits, limits]) {
      const verdict = await one.count('address', '192.0.2.1');
      expect(verdict).toEqual({ kind: 'limited', retryAfterMs: expect.any(Number) });
      if (verdict.kind !== 'limited') return;
      expect(verdict.retryAfterMs).toBeGreaterThan(50_000);
      expect(verdict.retryAfterMs).toBeLessThanOrEqual(60_000);
    }
  });

  test('may ask again when the minute is over', async () => {
    const one = await openLimits();
    const other = await openLimits();
    await outcomes(3, one.limits);
    const [key] = await admin.keys('*');
    expect(await admin.pttl(key ?? '')).toBeLessThanOrEqual(60_000);
    await admin.pexpire(key ?? '', 1);
    await eventually(async () => expect(await admin.exists(key ?? '')).toBe(0));
    expect(await outcomes(1, other.limits)).toBe('p');
  });

  test('that has used up its minute costs Redis nothing more', async () => {
    const { limits } = await openLimits();
    await outcomes(3, limits);
    const before = await scriptsRun();
    expect(await outcomes(50, limits)).toMatch(/^l+$/);
    expect(await scriptsRun()).toBe(before);
  });

  test('is counted by itself, whatever it is called', async () => {
    const { limits } = await openLimits();
    const names = [
      'a',
      'a:b',
      'b',
      '',
      '\u0000\r\n',
      '2001:db8::1',
      'x'.repeat(100_000),
      '__proto__',
    ];
    for (const name of names) expect(await outcomes(4, limits, name)).toBe('pppl');
    // A producer may be called what an address is.
    expect(await limits.count('producer', 'a')).toEqual({ kind: 'passed' });
    expect(await limits.count('forge', 'a')).toEqual({ kind: 'passed' });
    for (const key of await admin.keys('*')) {
      expect(key).toMatch(/^task-intake:rate:(address|producer|forge):[\w-]{43}$/);
    }
  });
});

describe('while Redis is away', () => {
  test('each server counts by itself', async () => {
    const one = await openLimits();
    const other = await openLimits();
    await server.server.kill();
    for (const { redis } of [one, other]) {
      await eventually(() => expect(redis.status).not.toBe('ready'));
    }
    expect(await outcomes(5, one.limits)).toBe('pppll');
    expect(await outcomes(5, other.limits)).toBe('pppll');
  });

  test('a source that was over stays so, and all are counted together again later', async () => {
    const { limits, redis } = await openLimits();
    const other = await openLimits();
    await outcomes(3, limits);
    await server.server.kill();
    await eventually(() => expect(redis.status).not.toBe('ready'));
    expect(await outcomes(1, limits)).toBe('l');
    await server.server.restart();
    await eventually(() => expect([redis.status, other.redis.status]).toEqual(['ready', 'ready']));
    expect(await outcomes(2, limits, 'later')).toBe('pp');
    expect(await outcomes(2, other.limits, 'later')).toBe('pl');
  });

  test('and silent, a request waits for a second at most, and passes', async () => {
    await using proxy = await startLosingProxy(server.url);
    const { limits, told } = await openLimits(proxy.url);
    proxy.fallSilent();
    const startedAt = performance.now();
    expect(await outcomes(1, limits)).toBe('p');
    expect(performance.now() - startedAt).toBeLessThan(3000);
    expect(told).toEqual(['local: Redis gave no answer within 1000 ms']);
  });

  test('for good, since the process stops, nothing is thrown', async () => {
    const { limits, redis } = await openLimits();
    redis.disconnect();
    expect(await outcomes(4, limits)).toBe('pppl');
  });
});

describe('that a server counts by itself', () => {
  test('is told once when it begins and once when it ends', async () => {
    const { limits, told } = await openLimits();
    await outcomes(4, limits, 'full');
    expect(told).toEqual([]);
    await admin.config('SET', 'maxmemory', '1');
    // One that is refused from memory says nothing of Redis.
    for (const name of ['a', 'full', 'b', 'full']) await outcomes(2, limits, name);
    expect(told).toEqual([expect.stringMatching(/^local: OOM /)]);
    await admin.config('SET', 'maxmemory', '0');
    await outcomes(3, limits, 'full');
    expect(told).toHaveLength(1);
    await outcomes(3, limits, 'c');
    expect(told.slice(1)).toEqual(['shared']);
  });
});

describe('where Redis answers with an error', () => {
  test('since it is full, a server counts by itself', async () => {
    const { limits } = await openLimits();
    await admin.config('SET', 'maxmemory', '1');
    expect(await outcomes(4, limits)).toBe('pppl');
    await admin.config('SET', 'maxmemory', '0');
  });

  test('since the key holds something else, a server counts by itself', async () => {
    const { limits } = await openLimits();
    await limits.count('address', '192.0.2.1');
    const [key] = await admin.keys('*');
    await admin.del(key ?? '');
    await admin.rpush(key ?? '', 'x');
    expect(await outcomes(4, limits)).toBe('pppl');
  });

  test('since it forgot the script, nothing is different', async () => {
    const { limits } = await openLimits();
    await outcomes(1, limits);
    await admin.script('FLUSH');
    expect(await outcomes(3, limits)).toBe('ppl');
  });
});
