import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { findApplied, readState, restoreApplied } from '../../src/repair/state.ts';
import { anEntry, idOf } from '../fixtures/events.ts';
import { whenProjected } from '../fixtures/facts.ts';
import { useRedis } from '../fixtures/redis.ts';
import { type Appended, appendEntries } from '../projector/batches.ts';
import { type Dump, dumpKeyspace } from '../projector/keyspace.ts';
import { runProjector } from '../projector/running-projector.ts';
import { dumpReadModel, entriesOf, projectAll, projectEntries, repair } from './repairing.ts';

const server = useRedis();
let redis: Redis;
/** As the commands sign in. */
let operator: Redis;
let before: Dump;
let appended: Appended[];
let stored: Record<string, string>;

/** Events of which many are quarantined, the last of all among them. */
beforeEach(async () => {
  redis = server.connect();
  operator = server.connectAs('operator');
  await redis.hset(KEYS.projector, 'epoch', 'e1');
  const entries = [...entriesOf(200, 20), anEntry({ attempt: '0' })];
  appended = await projectEntries(redis, server.url, entries);
  before = await dumpReadModel(redis);
  stored = await redis.hgetall(KEYS.projector);
});

const checkpoint = () => redis.hget(KEYS.projector, 'checkpoint');
const lastApplied = async () => (await redis.xrevrange(KEYS.updates, '+', '-', 'COUNT', 1))[0]?.[0];

describe('a projector hash that is lost', () => {
  beforeEach(() => redis.del(KEYS.projector));

  test('is one difference, and the rest is compared at the position that was lost', async () => {
    await redis.hset(KEYS.execution('run-1'), 'taskName', 'Other');
    const { differences, outcome } = await repair(operator);
    expect(differences).toEqual([
      `checkpoint ${KEYS.projector} - checkpoint ${stored.checkpoint} -`,
      expect.stringMatching('^row_field .* run-1 taskName .* Other$'),
    ]);
    expect(outcome.isWithoutCheckpoint).toBe(false);
    expect(await redis.exists(KEYS.projector)).toBe(0);
  });

  test.for(['repair', 'rebuild'] as const)(
    'is restored by a %s, with what measures the lag',
    async (mode) => {
      await redis.hset(KEYS.execution('run-1'), 'taskName', 'Other');
      expect((await repair(operator, { mode })).unmended).toEqual([]);
      expect(await dumpReadModel(redis)).toEqual(before);
      const { checkpoint, entriesRead } = stored;
      expect(await redis.hgetall(KEYS.projector)).toMatchObject({ checkpoint, entriesRead });
      expect((await repair(operator)).differences).toEqual([]);
    },
  );

  test('is restored to the newest event that anything knows of, so that none is quarantined twice', async () => {
    const later = await appendEntries(redis, [anEntry({ attempt: '0' })], appended.length);
    await repair(operator, { mode: 'rebuild' });
    await projectAll(redis, server.url, later);
    const sources = (await redis.xrange(KEYS.quarantine, '-', '+')).map(([, pairs]) =>
      pairs.at(-1),
    );
    expect(new Set(sources).size).toBe(sources.length);
    expect(sources.slice(-2)).toEqual([stored.checkpoint, later[0]?.id]);
  });

  test('is restored from the feed alone, or from the rows alone', async () => {
    const last = await lastApplied();
    await redis.del(KEYS.quarantine);
    await repair(operator, { mode: 'rebuild' });
    expect(await checkpoint()).toBe(last);
    await redis.del(KEYS.projector, KEYS.updates);
    // No event: it was changed by hand.
    await redis.hset(KEYS.execution('run-1'), 'lastEventId', '99999999999999-0');
    await repair(operator, { mode: 'rebuild' });
    const ids = Object.values(before).flatMap(
      (value) => (value as { lastEventId?: string }).lastEventId ?? [],
    );
    expect(ids).toContain(last);
    expect(await checkpoint()).toBe(last);
  });

  test('under a projector that runs is restored, and that one goes on', async () => {
    await redis.hset(KEYS.projector, stored);
    const projector = await runProjector(server.url);
    await redis.del(KEYS.projector);
    const later = await appendEntries(redis, entriesOf(50, 20, 2), appended.length);
    expect((await repair(operator, { mode: 'rebuild' })).unmended).toEqual([]);
    await whenProjected(redis, idOf(later.at(-1)?.id ?? ''));
    await projector.stop();
    await repair(operator, { mode: 'repair' });
    expect((await repair(operator)).differences).toEqual([]);
    const rows = Object.keys(await dumpKeyspace(redis)).filter((key) =>
      key.startsWith('task-tracking:execution:'),
    );
    expect(rows.length).toBeGreaterThanOrEqual(
      Object.keys(before).filter((key) => key.startsWith('task-tracking:execution:')).length,
    );
  });
});

test('what comes while events are counted is not taken for read before', async () => {
  await redis.hdel(KEYS.projector, 'checkpoint');
  const { xinfo } = operator;
  operator.xinfo = (async (...args: Parameters<typeof xinfo>) => {
    const reply = await xinfo.apply(operator, args);
    await appendEntries(redis, [anEntry(), anEntry()], appended.length);
    return reply;
  }) as typeof xinfo;
  const state = await readState(operator, KEYS, 1);
  expect(
    await restoreApplied(operator, KEYS, state, await findApplied(operator, KEYS, state)),
  ).toBe(true);
  const { checkpoint, entriesRead } = stored;
  expect(await redis.hgetall(KEYS.projector)).toMatchObject({ checkpoint, entriesRead });
});

test('a checkpoint is left that was moved since it was found behind', async () => {
  await redis.hset(KEYS.projector, 'checkpoint', appended[50]?.id ?? '');
  const state = await readState(redis, KEYS, 1);
  const applied = await findApplied(redis, KEYS, state);
  expect(applied.kind).toBe('further');
  await redis.hset(KEYS.projector, 'checkpoint', appended[51]?.id ?? '');
  expect(await restoreApplied(redis, KEYS, state, applied)).toBe(false);
  expect(await checkpoint()).toBe(appended[51]?.id);
});

describe('a checkpoint that is behind the feed', () => {
  test('is told, and put where the feed is, so that commits work again', async () => {
    const last = await lastApplied();
    await redis.hset(KEYS.projector, 'checkpoint', appended[50]?.id ?? '');
    const line = `checkpoint ${KEYS.projector} - checkpoint ${last} ${appended[50]?.id}`;
    expect((await repair(operator)).differences).toEqual([line]);
    const { differences, unmended } = await repair(operator, { mode: 'repair' });
    expect([differences, unmended]).toEqual([[line], []]);
    expect(await checkpoint()).toBe(last);
    const later = await appendEntries(redis, [anEntry()], appended.length);
    await projectAll(redis, server.url, later);
    expect((await repair(operator)).differences).toEqual([]);
  });

  test('is right, and the feed is not, where that ends with no event', async () => {
    await redis.xadd(KEYS.updates, '9999999999999-0', 'item', '{}');
    const line = `feed_ahead ${KEYS.updates} - - ${stored.checkpoint} 9999999999999-0`;
    expect((await repair(operator)).differences).toEqual([line]);
    const { differences, unmended } = await repair(operator, { mode: 'repair' });
    expect([differences, unmended]).toEqual([[line], []]);
    expect(await redis.exists(KEYS.updates)).toBe(0);
    expect(await checkpoint()).toBe(stored.checkpoint);
    expect((await repair(operator)).differences).toEqual([]);
  });
});
