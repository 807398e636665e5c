import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { WrongSourceError } from '../../src/repair/repair.ts';
import { whenProjected } from '../fixtures/facts.ts';
import { useRedis } from '../fixtures/redis.ts';
import { type Appended, appendEntries } from '../projector/batches.ts';
import type { Dump } from '../projector/keyspace.ts';
import { runProjector } from '../projector/running-projector.ts';
import {
  aRunEntry,
  dumpReadModel,
  entriesOf,
  hastyClock,
  projectAll,
  projectEntries,
  repair,
} from './repairing.ts';

const server = useRedis();
let redis: Redis;
/** As the commands sign in. */
let operator: Redis;
let before: Dump;
let appended: Appended[];
let stored: Record<string, string>;

beforeEach(async () => {
  redis = server.connect();
  operator = server.connectAs('operator');
  await redis.hset(KEYS.projector, 'epoch', 'e1');
  appended = await projectEntries(redis, server.url, [...entriesOf(200, 20), aRunEntry()]);
  before = await dumpReadModel(redis);
  stored = await redis.hgetall(KEYS.projector);
});

const field = (name: string) => redis.hget(KEYS.projector, name);

describe.for([
  ['of an event that is to come', `${Date.parse('2027-01-01T00:00:00Z')}-0`],
  ['of the end of time', '9999999999999-0'],
  ['that is no id', 'xx'],
] as const)('a checkpoint %s', ([, wrong]) => {
  beforeEach(() => redis.hset(KEYS.projector, 'checkpoint', wrong));

  test('is the one difference, also while events wait', async () => {
    await appendEntries(redis, entriesOf(20, 20, 2), appended.length);
    const { differences, outcome } = await repair(operator);
    expect(differences).toEqual([
      `checkpoint ${KEYS.projector} - checkpoint ${stored.checkpoint} ${wrong}`,
    ]);
    expect(outcome.unjudged).toBe(0);
    expect(await field('checkpoint')).toBe(wrong);
  });

  test.for(['repair', 'rebuild'] as const)(
    'is set back by a %s in a new epoch, and a projector goes on',
    async (mode) => {
      const later = await appendEntries(redis, entriesOf(20, 20, 2), appended.length);
      const { unmended, outcome } = await repair(operator, { mode });
      expect([unmended, outcome.hasNewEpoch]).toEqual([[], true]);
      expect(await redis.hgetall(KEYS.projector)).toMatchObject({
        ...{ checkpoint: stored.checkpoint, entriesRead: stored.entriesRead, formerEpochs: 'e1' },
      });
      await projectAll(redis, server.url, later);
      expect((await repair(operator)).differences).toEqual([]);
    },
  );

  test('of which nothing else tells is taken away, so that a projector begins', async () => {
    const keys = Object.keys(before).filter((key) => key !== KEYS.events);
    await redis.del(...keys, KEYS.quarantine);
    const line = `checkpoint ${KEYS.projector} - checkpoint - ${wrong}`;
    const checked = await repair(operator);
    expect([checked.differences, checked.outcome.isWithoutCheckpoint]).toEqual([[line], true]);
    const { unmended } = await repair(operator, { mode: 'repair', clock: hastyClock() });
    expect([unmended, await field('checkpoint')]).toEqual([[], null]);
    const projector = await runProjector(server.url);
    await whenProjected(redis, (appended.at(-1) as Appended).id);
    await projector.stop();
    expect((await repair(operator)).differences).toEqual([]);
  });
});

test('a checkpoint that a projector found ahead is told although events have reached it since', async () => {
  const later = await appendEntries(redis, entriesOf(20, 20, 2), appended.length);
  const wrong = later.at(-2)?.id ?? '';
  await redis.hset(KEYS.projector, { checkpoint: wrong, checkpointAhead: wrong });
  const line = `checkpoint ${KEYS.projector} - checkpoint ${stored.checkpoint} ${wrong}`;
  expect((await repair(operator)).differences).toEqual([line]);
  expect((await repair(operator, { mode: 'repair' })).unmended).toEqual([]);
  await projectAll(redis, server.url, later);
  expect((await repair(operator)).differences).toEqual([]);
});

test('a lost checkpoint is found although the feed ends with no event', async () => {
  await redis.del(KEYS.projector);
  await redis.xadd(KEYS.updates, '9999999999999-0', 'item', '{}');
  const lines = [
    expect.stringMatching(`^checkpoint ${KEYS.projector} - checkpoint [0-9-]+ -$`),
    `feed_ahead ${KEYS.updates} - - - 9999999999999-0`,
  ];
  expect((await repair(operator)).differences).toEqual(lines);
  const { differences, unmended } = await repair(operator, { mode: 'repair' });
  expect([differences, unmended]).toEqual([lines, []]);
  expect((await repair(operator)).differences).toEqual([]);
});

describe('a key of another type than its name says', () => {
  test.for([
    ['the projector hash', KEYS.projector, 'hash', 2],
    ['the record of a repair', KEYS.repair, 'hash', 1],
    ['the feed', KEYS.updates, 'stream', 1],
  ] as const)('is told and mended where it is %s', async ([, key, type, count]) => {
    await redis.set(key, 'text');
    const { differences } = await repair(operator);
    expect(differences).toHaveLength(count);
    expect(differences).toContainEqual(
      expect.stringMatching(`^wrong_type ${key} - - ${type} (string|value of another type)$`),
    );
    expect(await redis.get(key)).toBe('text');
    const { unmended, outcome } = await repair(operator, { mode: 'repair' });
    expect([unmended, outcome.hasNewEpoch]).toEqual([[], true]);
    expect(await field('checkpoint')).toBe(stored.checkpoint);
    const later = await appendEntries(redis, entriesOf(20, 20, 2), appended.length);
    await projectAll(redis, server.url, later);
    expect((await repair(operator)).differences).toEqual([]);
  });

  test.for([KEYS.events, KEYS.quarantine])(
    'is named with the remedy where it is %s, and left',
    async (key) => {
      await redis.set(key, 'text');
      for (const mode of ['check', 'repair', 'rebuild'] as const) {
        const running = repair(operator, { mode });
        await expect(running).rejects.toThrow(`${key} holds a string`);
        await expect(running).rejects.toThrow(`RENAME ${key}`);
        await expect(running).rejects.toBeInstanceOf(WrongSourceError);
      }
      expect(await redis.get(key)).toBe('text');
    },
  );
});
