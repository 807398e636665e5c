import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { Lease } from '../../src/projector/lease.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { eventually } from '../fixtures/facts.ts';
import { useRedis } from '../fixtures/redis.ts';

const server = useRedis();
let redis: Redis;
let ana: Lease;
let ben: Lease;

beforeEach(() => {
  redis = server.connect();
  ana = new Lease(redis, KEYS.lease, 'ana');
  ben = new Lease(redis, KEYS.lease, 'ben');
});

describe('a lease', () => {
  test('is held by the first who asks, and by nobody else until it is given up', async () => {
    expect(await ana.hold()).toBe(true);
    expect(await ben.hold()).toBe(false);
    await ana.release();
    expect(await ben.hold()).toBe(true);
    expect(await ana.hold()).toBe(false);
  });

  test('lasts at most 5 seconds', async () => {
    await ana.hold();
    const leftMs = await redis.pttl(KEYS.lease);
    expect(leftMs).toBeGreaterThan(4000);
    expect(leftMs).toBeLessThanOrEqual(5000);
  });

  test('is not given up by one who does not hold it', async () => {
    await ana.hold();
    await ben.release();
    expect(await redis.get(KEYS.lease)).toBe('ana');
  });

  test('costs nothing while it is young, and is prolonged before it ends', async () => {
    await ana.hold();
    await redis.config('RESETSTAT');
    expect(await ana.hold()).toBe(true);
    expect(await redis.info('commandstats')).not.toContain('evalsha');
    await redis.pexpire(KEYS.lease, 4000);
    await eventually(async () => {
      expect(await ana.hold()).toBe(true);
      expect(await redis.pttl(KEYS.lease)).toBeGreaterThan(4000);
    }, 3000);
  });

  test('that was taken away is noticed well before it would have ended', async () => {
    await ana.hold();
    await redis.set(KEYS.lease, 'ben', 'PX', 60_000);
    const takenAt = performance.now();
    await eventually(async () => expect(await ana.hold()).toBe(false));
    expect(performance.now() - takenAt).toBeLessThan(2500);
  });

  test('that ended or was lost with all of Redis is taken again', async () => {
    await ana.hold();
    await redis.flushall();
    expect(await ben.hold()).toBe(true);
  });

  test('is asked for again after it was given up', async () => {
    await ana.hold();
    await ana.release();
    await redis.set(KEYS.lease, 'ben', 'PX', 60_000);
    expect(await ana.hold()).toBe(false);
  });
});
