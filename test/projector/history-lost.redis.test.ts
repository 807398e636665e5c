import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { isHistoryLost } from '../../src/projector/projector.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { anEntry, idOf } from '../fixtures/events.ts';
import { eventually, whenProjected } from '../fixtures/facts.ts';
import { useRedis } from '../fixtures/redis.ts';
import { runProjector } from './running-projector.ts';

const server = useRedis();
let redis: Redis;

beforeEach(async () => {
  redis = server.connect();
  await redis.hset(KEYS.projector, 'epoch', 'e1');
});

const append = async () => idOf((await redis.xadd(KEYS.events, '*', ...anEntry())) ?? '');
const epoch = () => redis.hget(KEYS.projector, 'epoch');

describe('INV7: a tail that Redis lost', () => {
  test('opens a new epoch although no server runs that could see it', async () => {
    await runProjector(server.url);
    const first = await append();
    await whenProjected(redis, first);
    const last = await append();
    await whenProjected(redis, last);
    await redis
      .multi()
      .xdel(KEYS.events, last)
      .xdel(KEYS.updates, last)
      .hset(KEYS.projector, 'checkpoint', first)
      .exec();
    await eventually(async () => expect(await epoch()).not.toBe('e1'));
    expect(await redis.hget(KEYS.projector, 'formerEpochs')).toBe('e1');
    const replacement = await epoch();
    await whenProjected(redis, await append());
    expect(await epoch()).toBe(replacement);
  });

  test('is none where another projector was ahead, or where the epoch was replaced already', async () => {
    const committed = { checkpoint: idOf('5-0'), epoch: 'e1' };
    expect(isHistoryLost(committed, committed)).toBe(false);
    expect(isHistoryLost(committed, { ...committed, checkpoint: idOf('10-0') })).toBe(false);
    expect(isHistoryLost(committed, { checkpoint: idOf('4-0'), epoch: 'e2' })).toBe(false);
    expect(
      isHistoryLost(
        { ...committed, epoch: undefined },
        { checkpoint: undefined, epoch: undefined },
      ),
    ).toBe(false);
    expect(isHistoryLost(committed, { ...committed, checkpoint: idOf('4-9') })).toBe(true);
    expect(isHistoryLost(committed, { ...committed, checkpoint: undefined })).toBe(true);
  });
});
