import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { commit, loadState } from '../../src/projector/commit.ts';
import type { CommitPlan } from '../../src/projector/plan.ts';
import type { ProjectorState } from '../../src/projector/projector.ts';
import { FeedAheadError } from '../../src/redis/feed-ahead.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { FatalError } from '../../src/runtime/retry.ts';
import { anEntry } from '../fixtures/events.ts';
import { useRedis } from '../fixtures/redis.ts';
import { appendEntries, applyBatch, nthEntryId, PROGRAM, planOf } from './batches.ts';
import { type Dump, dumpKeyspace } from './keyspace.ts';

const server = useRedis();
let redis: Redis;
/** What a projector knew, and what it is about to write. */
let state: ProjectorState;
let plan: CommitPlan;

const send = () => commit(redis, KEYS, state, plan, PROGRAM);

/** A change, a move, a new task and a quarantined event: everything that a commit may write. */
beforeEach(async () => {
  redis = server.connect();
  await redis.hset(KEYS.projector, 'epoch', 'e1');
  const [first] = await appendEntries(redis, [anEntry()]);
  if (first !== undefined) await applyBatch(redis, [first]);
  const next = await appendEntries(
    redis,
    [anEntry({ status: 'success' }), anEntry({ executionId: 'run-2' }), ['status', 'running']],
    1,
  );
  state = await loadState(redis, KEYS);
  plan = await planOf(redis, next);
});

/** Runs it, and finds every key as it was. */
async function expectNothingWritten(action: () => Promise<unknown>): Promise<void> {
  const before = await dumpKeyspace(redis);
  await action();
  expect(await dumpKeyspace(redis)).toEqual(before);
}

describe('INV2: a commit', () => {
  test('is written once: its repetition changes nothing', async () => {
    expect(await send()).toBe(true);
    await expectNothingWritten(async () => expect(await send()).toBe(false));
  });

  test('is written by a server that has lost the script, too', async () => {
    await redis.script('FLUSH');
    expect(await send()).toBe(true);
    expect((await loadState(redis, KEYS)).checkpoint).toBe(nthEntryId(3));
  });

  test('is refused by a read model that a newer program has laid out anew', async () => {
    await redis.hset(KEYS.projector, 'layout', '2');
    await expectNothingWritten(() => expect(send()).rejects.toThrow('OTHERLAYOUT'));
  });

  test('INV1: is refused where the events are not: they were read from a node failed over', async () => {
    await redis.xdel(KEYS.events, plan.checkpoint);
    await expectNothingWritten(() => expect(send()).rejects.toThrow('EVENTGONE'));
  });

  test('leaves the epoch, and fields of the projector that it does not know', async () => {
    await redis.hset(KEYS.projector, 'later', 'kept');
    expect(await send()).toBe(true);
    expect(await redis.hgetall(KEYS.projector)).toEqual({
      checkpoint: nthEntryId(3),
      epoch: 'e1',
      layout: '1',
      program: PROGRAM,
      entriesRead: '4',
      lastChange: nthEntryId(2),
      changesWritten: '3',
      later: 'kept',
    });
  });

  test.for<[what: string, move: () => Promise<unknown>]>([
    ['the checkpoint is ahead', () => redis.hset(KEYS.projector, 'checkpoint', nthEntryId(1))],
    ['the checkpoint is behind', () => redis.hset(KEYS.projector, 'checkpoint', '1-1')],
    ['the checkpoint is gone', () => redis.hdel(KEYS.projector, 'checkpoint')],
    ['the epoch is another', () => redis.hset(KEYS.projector, 'epoch', 'e2')],
    ['the epoch is gone', () => redis.hdel(KEYS.projector, 'epoch')],
    ['Redis was emptied', () => redis.flushall()],
  ])('is refused and writes nothing when %s', async ([, move]) => {
    await move();
    await expectNothingWritten(async () => expect(await send()).toBe(false));
  });

  test('from no checkpoint and no epoch is refused where there are some', async () => {
    state = { checkpoint: undefined, epoch: undefined };
    await expectNothingWritten(async () => expect(await send()).toBe(false));
  });

  test('is refused when the feed is ahead, writes nothing, and the error says the remedy', async () => {
    await redis.xadd(KEYS.updates, nthEntryId(2), 'item', '{}');
    await expectNothingWritten(async () => {
      const error = await send().catch((cause: unknown) => cause);
      expect(error).toBeInstanceOf(FeedAheadError);
      expect((error as Error).message).toContain('tasktrail repair --yes');
    });
  });

  test.for<[key: string, spoil: () => Promise<unknown>]>([
    [KEYS.updates, () => redis.set(KEYS.updates, 'x')],
    [KEYS.quarantine, () => redis.set(KEYS.quarantine, 'x')],
    [KEYS.executions.all(), () => redis.set(KEYS.executions.all(), 'x')],
    [
      KEYS.executions.byStatus('success'),
      () => redis.set(KEYS.executions.byStatus('success'), 'x'),
    ],
  ])('fails and writes nothing when %s holds something else', async ([key, spoil]) => {
    await spoil();
    await expectNothingWritten(async () => {
      await expect(send()).rejects.toThrow(`WRONGTYPE ${key} is a string`);
    });
  });

  test('replaces a row, whatever it was', async () => {
    await redis.del(KEYS.execution('run-1'));
    await redis.set(KEYS.execution('run-1'), 'x');
    expect(await send()).toBe(true);
    expect(await redis.hget(KEYS.execution('run-1'), 'status')).toBe('success');
  });

  test('counts what it has read anew where the count is no number', async () => {
    await redis.hset(KEYS.projector, 'entriesRead', 'many');
    expect(await send()).toBe(true);
    expect(await redis.hget(KEYS.projector, 'entriesRead')).toBe('3');
  });

  test('counts what it has read in digits, however much it was', async () => {
    await redis.hset(KEYS.projector, 'entriesRead', '9007199254740000');
    expect(await send()).toBe(true);
    expect(await redis.hget(KEYS.projector, 'entriesRead')).toBe('9007199254740003');
  });

  test('fails and writes nothing when memory is full, and is written once there is room', async () => {
    await redis.config('SET', 'maxmemory', '1');
    let before: Dump | undefined;
    try {
      before = await dumpKeyspace(redis);
      await expect(send()).rejects.toThrow('OOM');
      expect(await dumpKeyspace(redis)).toEqual(before);
    } finally {
      await redis.config('SET', 'maxmemory', '0');
    }
    expect(await send()).toBe(true);
  });
});

describe('the stored state', () => {
  test('of nothing is no checkpoint and no epoch', async () => {
    await redis.flushall();
    expect(await loadState(redis, KEYS)).toEqual({ checkpoint: undefined, epoch: undefined });
  });

  test('of another layout is not touched: that ends the program', async () => {
    await redis.hset(KEYS.projector, 'layout', '2');
    const error = await loadState(redis, KEYS).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(FatalError);
    expect((error as Error).message).toMatch(/layout 2.*layout 1/s);
  });

  test.for(['', '7', 'yesterday', '01-0'])(
    'with the checkpoint %j ends the program, which says what to run',
    async (text) => {
      await redis.hset(KEYS.projector, 'checkpoint', text);
      const loading = loadState(redis, KEYS);
      await expect(loading).rejects.toThrow(FatalError);
      await expect(loading).rejects.toThrow('tasktrail repair --yes');
    },
  );
});
