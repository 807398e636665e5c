import { expect, test } from 'vitest';
import { oldestAgeMs, readStreamSizes } from '../../src/projector/stream-sizes.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { useRedis } from '../fixtures/redis.ts';

const server = useRedis();

test('the sizes of streams are their entries, and the age is that of the first event', async () => {
  const redis = server.connect();
  const nothing = await readStreamSizes(redis, KEYS);
  expect(nothing).toEqual({ events: 0, updates: 0, quarantine: 0, oldestEvent: undefined });
  expect(oldestAgeMs(nothing, 5000)).toBe(0);
  await redis.xadd(KEYS.events, '1000-3', 'n', '1');
  await redis.xadd(KEYS.events, '2000-0', 'n', '1');
  await redis.xadd(KEYS.updates, '1000-3', 'n', '1');
  const sizes = await readStreamSizes(redis, KEYS);
  expect(sizes).toEqual({ events: 2, updates: 1, quarantine: 0, oldestEvent: '1000-3' });
  expect(oldestAgeMs(sizes, 5000)).toBe(4000);
  // An event of a clock that is ahead.
  expect(oldestAgeMs(sizes, 500)).toBe(0);
});
