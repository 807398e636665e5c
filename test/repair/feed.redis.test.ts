import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { anEntry } from '../fixtures/events.ts';
import { useRedis } from '../fixtures/redis.ts';
import { nthEntryId } from '../projector/batches.ts';
import { aRunEntry, entriesOf, projectEntries, repair } from './repairing.ts';

const server = useRedis();
const LAST = nthEntryId(100);
let redis: Redis;
/** As the commands sign in. */
let operator: Redis;

beforeEach(async () => {
  redis = server.connect();
  operator = server.connectAs('operator');
  await redis.hset(KEYS.projector, 'epoch', 'e1');
  await projectEntries(redis, server.url, [
    ...entriesOf(100, 10),
    aRunEntry({ executionId: 'feed-1' }),
  ]);
});

async function removeLast(count: number): Promise<void> {
  const last = await redis.xrevrange(KEYS.updates, '+', '-', 'COUNT', count);
  await redis.xdel(KEYS.updates, ...last.map(([id]) => id));
}

/** Writes the newest entry of the feed again, with another item. */
async function rewriteLast(change: (item: string) => string): Promise<void> {
  const [[, pairs] = ['', []]] = await redis.xrevrange(KEYS.updates, '+', '-', 'COUNT', 1);
  const all = await redis.xrange(KEYS.updates, '-', '+');
  await redis.del(KEYS.updates);
  const pipeline = redis.pipeline();
  for (const [id, entry] of all.slice(0, -1)) pipeline.xadd(KEYS.updates, id, ...entry);
  pipeline.xadd(KEYS.updates, LAST, ...pairs.map(change));
  await pipeline.exec();
}

describe('the newest entries of the feed', () => {
  test('are told when they say another thing than the events, field by field', async () => {
    await rewriteLast((text) => text.replace('"message":"first"', '"message":"other"'));
    const { differences } = await repair(operator);
    expect(differences).toEqual([
      `feed_entry ${KEYS.updates} feed-1 ${LAST} item.message "first" "other"`,
    ]);
  });

  test('are told when they are no changes', async () => {
    await rewriteLast(() => 'nonsense');
    expect((await repair(operator, { maxBytes: 4096 })).differences).toEqual([
      `feed_entry ${KEYS.updates} - ${LAST} item a change no change`,
    ]);
  });

  test('are told when an event that was applied is not among them', async () => {
    const [, [second = ''] = []] = await redis.xrevrange(KEYS.updates, '+', '-', 'COUNT', 2);
    await redis.xdel(KEYS.updates, second);
    const { differences } = await repair(operator);
    expect(differences).toEqual([
      expect.stringMatching(`^feed_missing ${KEYS.updates} run-\\d+ - ${second} -$`),
    ]);
  });

  test.for([
    ['the last three', () => removeLast(3), 3],
    ['all of them', () => redis.del(KEYS.updates), undefined],
  ] as const)('are told when they are missing: %s', async ([, remove, count]) => {
    const ids = (await redis.xrange(KEYS.updates, '-', '+')).map(([id]) => id);
    await remove();
    const { differences } = await repair(operator, { maxBytes: 4096 });
    const missing = differences.map((line) => line.split(' ').at(-2));
    expect(new Set(differences.map((line) => line.split(' ')[0]))).toEqual(
      new Set(['feed_missing']),
    );
    expect(missing.toSorted()).toEqual(ids.slice(-(count ?? ids.length)));
    const { unmended, outcome } = await repair(operator, { mode: 'repair' });
    expect([unmended, outcome.hasNewEpoch]).toEqual([[], true]);
    expect((await repair(operator)).differences).toEqual([]);
  });

  test('are told when no event explains one', async () => {
    await redis.hset(KEYS.projector, 'checkpoint', nthEntryId(101));
    await redis.xadd(KEYS.events, nthEntryId(101), ...anEntry({ attempt: '0' }));
    const [[, pairs] = ['', []]] = await redis.xrevrange(KEYS.updates, '+', '-', 'COUNT', 1);
    await redis.xadd(KEYS.updates, nthEntryId(101), ...pairs);
    expect((await repair(operator, { maxBytes: 4096 })).differences).toEqual([
      `feed_unexplained ${KEYS.updates} feed-1 - - ${nthEntryId(101)}`,
    ]);
  });

  test('are mended by a new epoch, because nobody is sent them any more', async () => {
    await rewriteLast((text) => text.replace('"message":"first"', '"message":"other"'));
    const { outcome, unmended } = await repair(operator, { mode: 'repair' });
    expect(unmended).toEqual([]);
    expect(outcome.hasNewEpoch).toBe(true);
    expect(await redis.hget(KEYS.projector, 'formerEpochs')).toBe('e1');
    expect((await repair(operator)).differences).toEqual([]);
    // What comes after it is judged again.
    await projectEntries(
      redis,
      server.url,
      [aRunEntry({ executionId: 'feed-1', message: 'second' })],
      101,
    );
    await redis.xdel(KEYS.updates, nthEntryId(101));
    await projectEntries(
      redis,
      server.url,
      [aRunEntry({ executionId: 'feed-1', message: 'third' })],
      102,
    );
    expect((await repair(operator)).differences).toEqual([]);
    await redis.hdel(KEYS.repair, 'feedSince');
    expect((await repair(operator)).differences).toHaveLength(2);
  });
});
