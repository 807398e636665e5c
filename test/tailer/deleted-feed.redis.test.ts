import type { StreamId } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { anEntry } from '../fixtures/events.ts';
import { eventually, whenProjected } from '../fixtures/facts.ts';
import { useRedis } from '../fixtures/redis.ts';
import { type Appended, appendEntries, applyBatch } from '../projector/batches.ts';
import { type Reset, runTailer } from './running-tailer.ts';

const server = useRedis();
let redis: Redis;

beforeEach(async () => {
  redis = server.connect();
  await redis.hset(KEYS.projector, 'epoch', 'e1');
});

/** So many events, each applied with a commit of its own, beginning with the n-th. */
async function applyEach(count: number, from = 0): Promise<StreamId[]> {
  const entries = await appendEntries(
    redis,
    Array.from({ length: count }, (_, n) => anEntry({ executionId: `run-${from + n}` })),
    from,
  );
  for (const entry of entries) await applyBatch(redis, [entry]);
  return entries.map(({ id }: Appended) => id);
}

async function beginning(): Promise<Omit<Reset, 'cause'>> {
  const tailer = await runTailer(server.url);
  const { cause, ...reset } = await tailer.whenReset(1);
  expect(cause).toBe('start');
  await tailer.stop();
  expect(tailer.resets).toHaveLength(1);
  return reset;
}

describe('INV4, INV7: a server that starts on a feed of which others took something', () => {
  test('expires every cursor where the last changes are gone', async () => {
    const ids = await applyEach(20);
    await redis.xdel(KEYS.updates, ...ids.slice(-3));
    const head = { epoch: 'e1', id: ids[19] };
    expect(await beginning()).toEqual({ ids: [], floor: ids[19], head });
  });

  test('expires every cursor where the whole feed is gone', async () => {
    const ids = await applyEach(20);
    await redis.del(KEYS.updates);
    const head = { epoch: 'e1', id: ids[19] };
    expect(await beginning()).toEqual({ ids: [], floor: ids[19], head });
  });

  test('does not take the first change after that for the beginning of history', async () => {
    await applyEach(20);
    await redis.del(KEYS.updates);
    const [first, second] = await applyEach(2, 20);
    expect(await beginning()).toMatchObject({ ids: [second], floor: first });
  });

  test('expires cursors before changes that are gone from within', async () => {
    const ids = await applyEach(10);
    await redis.xdel(KEYS.updates, ids[6] ?? '', ids[5] ?? '');
    const later = await applyEach(1, 10);
    expect(await beginning()).toMatchObject({ ids: [...ids.slice(7), ...later], floor: ids[6] });
  });

  test('expires no cursor where nothing is gone, or only the front was trimmed', async () => {
    const ids = await applyEach(10);
    expect(await beginning()).toMatchObject({ ids, floor: '0-0' });
    await redis.xtrim(KEYS.updates, 'MAXLEN', 4);
    expect(await beginning()).toMatchObject({ ids: ids.slice(7), floor: ids[6] });
  });

  test('knows nothing of changes that earlier versions wrote, and counts those that are left', async () => {
    const ids = await applyEach(5);
    await redis.hdel(KEYS.projector, 'lastChange', 'changesWritten');
    expect(await beginning()).toMatchObject({ ids, floor: '0-0' });
    const later = await applyEach(1, 5);
    expect(await redis.hmget(KEYS.projector, 'lastChange', 'changesWritten')).toEqual([
      ...later,
      '6',
    ]);
    expect(await beginning()).toMatchObject({ ids: [...ids, ...later], floor: '0-0' });
  });
});

test('INV7: a running server refreshes its clients where a change is gone before it was read', async () => {
  const [first = ''] = await applyEach(1);
  const tailer = await runTailer(server.url);
  await tailer.whenReset(1);
  const entries = await appendEntries(redis, [anEntry({ executionId: 'run-1' })], 1);
  const lost = entries[0]?.id ?? '';
  // As one commit whose change is deleted at once.
  await redis
    .multi()
    .hset(KEYS.projector, { checkpoint: lost, lastChange: lost, changesWritten: '2' })
    .exec();
  await whenProjected(redis, lost as StreamId);
  expect(await tailer.whenReset(2)).toMatchObject({ cause: 'resync', ids: [], floor: lost });
  const later = await applyEach(1, 2);
  await eventually(() => expect(tailer.ids).toEqual(later));
  expect(tailer.resets).toHaveLength(2);
  expect(first).not.toBe(lost);
});
