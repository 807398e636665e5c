import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { commit, loadState } from '../../src/projector/commit.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { hashOf } from '../../src/repair/slice.ts';
import { useRedis } from '../fixtures/redis.ts';
import { type Appended, appendEntries, PROGRAM, planOf } from '../projector/batches.ts';
import { comparable, NaiveProjector } from '../projector/naive-projector.ts';
import { aRunEntry, dumpReadModel, projectEntries, repair } from './repairing.ts';

const server = useRedis();
const ROW = KEYS.execution('run-1');
let redis: Redis;
let appended: Appended[];

beforeEach(async () => {
  redis = server.connect();
  await redis.hset(KEYS.projector, 'epoch', 'e1');
  appended = await projectEntries(redis, server.url, [aRunEntry()]);
});

/** What a projector that has read the rows by now commits later. */
async function beginCommit(entry: readonly string[]): Promise<() => Promise<boolean>> {
  const batch = await appendEntries(redis, [entry], appended.length);
  appended.push(...batch);
  const state = await loadState(redis, KEYS);
  const plan = await planOf(redis, batch);
  return () => commit(redis, KEYS, state, plan, PROGRAM);
}

/** Rows and ordered sets are what the events make of them. */
async function expectFolded(): Promise<void> {
  const model = new NaiveProjector();
  for (const { id, pairs } of appended) model.apply(id, pairs);
  const isOfReadModel = ([key]: [string, unknown]) => KEYS.readModel.parse(key) !== undefined;
  const entriesOf = (dump: object) =>
    Object.fromEntries(Object.entries(dump).filter(isOfReadModel));
  expect(entriesOf(comparable(await dumpReadModel(redis)))).toEqual(entriesOf(model.expected()));
}

const LATER = { status: 'in_progress', occurredAt: '2026-11-20T12:00:03Z' } as const;

describe('a commit of what was made of a wrong row, after that row was mended,', () => {
  test.for<[string, () => Promise<unknown>]>([
    ['is undone when the row had a wrong status', () => redis.hset(ROW, 'status', 'success')],
    [
      'is undone when the row had wrong times',
      () => redis.hset(ROW, 'createdAt', '2020-01-01T00:00:00.000Z'),
    ],
    ['is undone when the row was lost', () => redis.del(ROW)],
    [
      'is undone when the row told of other principals',
      () => redis.hset(ROW, 'actor', '{"provider":"github","id":"eve"}'),
    ],
  ])('%s', async ([, corrupt]) => {
    await corrupt();
    const finishCommit = await beginCommit(aRunEntry({ ...LATER, actor: undefined }));
    let isCommitted: boolean | undefined;
    const { unmended } = await repair(redis, {
      mode: 'repair',
      onDifference: async () => {
        isCommitted ??= await finishCommit();
      },
    });
    expect(isCommitted).toBe(true);
    expect(unmended).toEqual([]);
    await expectFolded();
    expect((await repair(redis)).differences.filter((line) => !line.startsWith('feed_'))).toEqual(
      [],
    );
  });
});

test('a commit onto a row that no event explained is undone, after that row was removed', async () => {
  const row = await redis.hgetall(ROW);
  const other = { ...row, executionId: 'run-2', status: 'error', project: 'owner/other' };
  await redis.hset(KEYS.execution('run-2'), other);
  const entry = aRunEntry({ executionId: 'run-2', project: undefined, ...LATER });
  const begin = aRunEntry({ executionId: 'run-2' });
  const finishCommit = await beginCommit(entry);
  const finishBoth = async () => {
    expect(await finishCommit()).toBe(true);
    const finish = await beginCommit(begin);
    return await finish();
  };
  let isCommitted: boolean | undefined;
  const { unmended } = await repair(redis, {
    mode: 'repair',
    onDifference: async ({ kind }) => {
      if (kind === 'row_unexplained') isCommitted ??= await finishBoth();
    },
  });
  expect(isCommitted).toBe(true);
  expect(unmended).toEqual([]);
  await expectFolded();
});

test('one whose slice is done is refused, before another slice is looked at', async () => {
  const ids = Array.from({ length: 20 }, (_, n) => `run-${n + 10}`);
  const entries = ids.map((executionId) => aRunEntry({ executionId }));
  appended.push(...(await projectEntries(redis, server.url, entries, appended.length)));
  const ordered = ids.toSorted((a, b) => hashOf(a) - hashOf(b));
  const [first = '', last = ''] = [ordered[0], ordered.at(-1)];
  for (const id of [first, last]) await redis.hset(KEYS.execution(id), 'status', 'success');
  const finishCommit = await beginCommit(aRunEntry({ executionId: first, ...LATER }));
  let isCommitted: boolean | undefined;
  await repair(redis, {
    ...{ mode: 'repair', maxBytes: 8 * 1024 },
    onDifference: async ({ executionId }) => {
      if (executionId === last) isCommitted ??= await finishCommit();
    },
  });
  expect(isCommitted).toBe(false);
});

test('one that stands still meanwhile is refused, by the one new epoch that clients are told by', async () => {
  await redis.hset(ROW, 'status', 'success');
  const finishCommit = await beginCommit(aRunEntry(LATER));
  const { outcome, differences } = await repair(redis, { mode: 'repair' });
  expect(differences).toHaveLength(1);
  expect(outcome.hasNewEpoch).toBe(true);
  expect(await finishCommit()).toBe(false);
  expect(await redis.hget(KEYS.projector, 'formerEpochs')).toBe('e1');
  expect(await redis.hget(KEYS.repair, 'untold')).toBeNull();
});
