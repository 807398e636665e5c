import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { whenProjected } from '../fixtures/facts.ts';
import { useRedis } from '../fixtures/redis.ts';
import { type Appended, appendEntries } from '../projector/batches.ts';
import { type Dump, dumpKeyspace } from '../projector/keyspace.ts';
import { comparable, NaiveProjector } from '../projector/naive-projector.ts';
import { type RunningProjector, runProjector } from '../projector/running-projector.ts';
import { dumpReadModel, entriesOf, hastyClock, projectEntries, repair } from './repairing.ts';

const server = useRedis();
const EXECUTIONS = 40;
let redis: Redis;
/** As the commands sign in. */
let operator: Redis;
let appended: Appended[];

beforeEach(async () => {
  redis = server.connect();
  operator = server.connectAs('operator');
  await redis.hset(KEYS.projector, 'epoch', 'e1');
  appended = await projectEntries(redis, server.url, entriesOf(400, EXECUTIONS));
});

/** Deletes every key of the read model, as an operator would, and others. */
async function lose(...others: string[]): Promise<void> {
  await redis.del(...(await redis.keys('task-tracking:*')), ...others);
}

async function appendMore(seed: number): Promise<void> {
  appended.push(...(await appendEntries(redis, entriesOf(60, EXECUTIONS, seed), appended.length)));
}

async function whenAllProjected(): Promise<void> {
  await whenProjected(redis, (appended.at(-1) as Appended).id);
}

/** Rows and ordered sets, as the events make them. */
function expected(): Dump {
  const model = new NaiveProjector();
  for (const { id, pairs } of appended) model.apply(id, pairs);
  return readModelOf(model.expected());
}

function readModelOf(dump: Dump): Dump {
  const entries = Object.entries(dump).filter(([key]) => KEYS.readModel.parse(key) !== undefined);
  return Object.fromEntries(entries);
}

async function stored(): Promise<Dump> {
  return readModelOf(comparable(await dumpReadModel(redis)));
}

describe('a read model of which every key is gone', () => {
  test('is there again after a rebuild, by what the feed tells of the checkpoint', async () => {
    const before = await dumpReadModel(redis);
    await lose();
    const { unmended, outcome } = await repair(operator, { mode: 'rebuild' });
    expect(unmended).toEqual([]);
    expect(outcome).toMatchObject({ isWithoutCheckpoint: false, hasNewEpoch: true });
    expect(await dumpReadModel(redis)).toEqual(before);
  });

  test('is there again under a projector that could not go on without a checkpoint', async () => {
    const projector = await runProjector(server.url);
    await whenAllProjected();
    await lose();
    await appendMore(2);
    const { unmended } = await repair(operator, { mode: 'rebuild' });
    expect(unmended).toEqual([]);
    await appendMore(3);
    await whenAllProjected();
    await projector.stop();
    expect((await repair(operator, { mode: 'repair' })).unmended).toEqual([]);
    expect(await stored()).toEqual(expected());
    const sources = (await redis.xrange(KEYS.quarantine, '-', '+')).map(([, pairs]) =>
      pairs.at(-1),
    );
    expect(new Set(sources).size).toBe(sources.length);
  });
});

describe('where feed and quarantine are gone, too,', () => {
  const loseAll = () => lose(KEYS.updates, KEYS.quarantine);

  test('a rebuild waits for a projector to begin, and goes on beside it', async () => {
    await loseAll();
    let starting: Promise<RunningProjector> | undefined;
    const onWait = () => {
      starting = runProjector(server.url, { batchSize: 20 });
    };
    const { unmended, outcome } = await repair(operator, { mode: 'rebuild', onWait });
    expect(unmended).toEqual([]);
    expect(outcome.isWithoutCheckpoint).toBe(false);
    await whenAllProjected();
    await (await starting)?.stop();
    expect((await repair(operator)).differences).toEqual([]);
    expect(await stored()).toEqual(expected());
  });

  test('a projector that runs begins anew, and a rebuild does no harm to it', async () => {
    const projector = await runProjector(server.url, { batchSize: 20 });
    await whenAllProjected();
    await loseAll();
    expect((await repair(operator, { mode: 'rebuild' })).unmended).toEqual([]);
    await whenAllProjected();
    await projector.stop();
    expect((await repair(operator)).differences).toEqual([]);
    expect(await stored()).toEqual(expected());
  });

  test('one without a projector writes nothing, and says that one has to begin', async () => {
    await loseAll();
    const left = await dumpKeyspace(redis);
    for (const mode of ['repair', 'rebuild'] as const) {
      const { outcome, differences } = await repair(operator, { mode, clock: hastyClock() });
      expect(differences).toEqual([]);
      expect(outcome).toMatchObject({ isWithoutCheckpoint: true, hasNewEpoch: false, written: 0 });
    }
    expect(await dumpKeyspace(redis)).toEqual(left);
  });

  test('a check says so at once', async () => {
    await loseAll();
    const onWait = () => expect.unreachable();
    expect((await repair(operator, { onWait })).outcome.isWithoutCheckpoint).toBe(true);
  });
});

test('no row is removed where other events took the place of all that tells of it', async () => {
  await redis.del(KEYS.projector, KEYS.updates, KEYS.quarantine, KEYS.events);
  await appendEntries(redis, entriesOf(5, EXECUTIONS), 1000);
  const left = await dumpReadModel(redis);
  for (const mode of ['check', 'repair', 'rebuild'] as const) {
    const { differences } = await repair(operator, { mode, clock: hastyClock() });
    expect(differences).toEqual([]);
  }
  expect(await dumpReadModel(redis)).toEqual(left);
});

test('a Redis without events and read model has nothing to be rebuilt', async () => {
  await redis.flushall();
  for (const mode of ['check', 'repair', 'rebuild'] as const) {
    const { outcome, differences } = await repair(operator, { mode });
    expect(differences).toEqual([]);
    expect(outcome).toMatchObject({ isWithoutCheckpoint: false, hasNewEpoch: false, rows: 0 });
  }
  expect(await redis.dbsize()).toBe(0);
});
