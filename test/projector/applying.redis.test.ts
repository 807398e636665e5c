import type { Redis } from 'ioredis';
import { beforeEach, expect, test } from 'vitest';
import { Applying } from '../../src/projector/applying.ts';
import { loadState, readMends } from '../../src/projector/commit.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { anEntry } from '../fixtures/events.ts';
import { useRedis } from '../fixtures/redis.ts';
import { type Appended, appendEntries, nthEntryId, PROGRAM } from './batches.ts';

const server = useRedis();
let redis: Redis;

beforeEach(() => {
  redis = server.connect();
});

async function begin(): Promise<Applying> {
  const observer = { onCommit: () => {}, onConflict: () => {}, onQuarantined: () => {} };
  const options = { redis, keys: KEYS, program: PROGRAM, observer, onCommitted: () => {} };
  return new Applying(options, await loadState(redis, KEYS), await readMends(redis, KEYS));
}

const entriesOf = (batch: readonly Appended[]) => batch.map((one) => ({ ...one, flaw: undefined }));

test('the first commit is not refused for what a repair mended since, and every later one is', async () => {
  const applying = await begin();
  await redis.hset(KEYS.projector, 'mends', 1);
  await applying.apply(entriesOf(await appendEntries(redis, [anEntry()])));
  expect(await applying.settle()).toBe(true);
  await applying.apply(entriesOf(await appendEntries(redis, [anEntry({ message: 'on' })], 1)));
  expect(await applying.settle()).toBe(false);
  expect((await loadState(redis, KEYS)).checkpoint).toBe(nthEntryId(0));
});

test('rows that were asked for before a commit changed them do not have the next one refused', async () => {
  const first = await appendEntries(redis, [anEntry(), anEntry({ executionId: 'run-2' })]);
  const before = await begin();
  await before.apply(entriesOf(first));
  await before.settle();
  // It remembers nothing yet: the rows of both batches are read, the second's with the first unsent.
  const applying = await begin();
  for (const [place, message] of ['one', 'two', 'three'].entries()) {
    const batch = await appendEntries(redis, [anEntry({ message })], 2 + place);
    expect(await applying.apply(entriesOf(batch))).toBe(true);
  }
  expect(await applying.settle()).toBe(true);
  expect(await redis.hget(KEYS.execution('run-1'), 'message')).toBe('three');
});
