import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { whenProjected } from '../fixtures/facts.ts';
import { useRedis } from '../fixtures/redis.ts';
import { type Appended, appendEntries } from '../projector/batches.ts';
import type { Dump } from '../projector/keyspace.ts';
import { comparable, NaiveProjector } from '../projector/naive-projector.ts';
import { runProjector } from '../projector/running-projector.ts';
import { aRunEntry, dumpReadModel, entriesOf, projectEntries, repair } from './repairing.ts';

const server = useRedis();
const EXECUTIONS = 60;
let redis: Redis;

beforeEach(async () => {
  redis = server.connect();
  await redis.hset(KEYS.projector, 'epoch', 'e1');
});

/** A projector that is never idle: events come until `stop`, which waits until all are applied. */
async function startLoad(backlog: readonly Appended[]) {
  const projector = await runProjector(server.url, { batchSize: 7 });
  const appended = [...backlog];
  let isStopped = false;
  const appending = (async () => {
    for (let seed = 100; !isStopped; seed += 1) {
      const entries = entriesOf(40, EXECUTIONS, seed);
      appended.push(...(await appendEntries(redis, entries, appended.length)));
      const reached = appended[Math.max(0, appended.length - 80)];
      if (reached !== undefined) await whenProjected(redis, reached.id);
    }
  })();
  // Of a test that fails, in which nobody waits for it.
  appending.catch(() => undefined);
  onTestFinished(() => {
    isStopped = true;
  });
  return {
    projector,
    stop: async (): Promise<readonly Appended[]> => {
      isStopped = true;
      await appending;
      await whenProjected(redis, (appended.at(-1) as Appended).id);
      await projector.stop();
      return appended;
    },
  };
}

/** Rows and ordered sets, as the events make them. */
function expectedOf(appended: readonly Appended[]): Dump {
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

/** The same as it is in Redis, also where it cannot be read. */
async function dumpOfReadModel(): Promise<Dump> {
  return readModelOf(await dumpReadModel(redis));
}

type Corruption = (executionId: string) => Promise<unknown>;

/** Something goes wrong with what is stored of one execution, whatever is there. */
const OF_ONE: readonly Corruption[] = [
  (id) => redis.del(KEYS.execution(id)),
  (id) => redis.hset(KEYS.execution(id), 'status', 'cancelled'),
  (id) => redis.hset(KEYS.execution(id), 'status', 'bogus'),
  (id) => redis.hset(KEYS.execution(id), 'actor', '{'),
  (id) => redis.hset(KEYS.execution(id), 'finishedAt', '2027-01-01T00:00:00.000Z'),
  (id) => redis.hset(KEYS.execution(id), 'occurredAt', '2027-01-01T00:00:00.000Z'),
  (id) => redis.hset(KEYS.execution(id), 'lastEventId', '5-0'),
  (id) => redis.hdel(KEYS.execution(id), 'recentEventIds', 'message'),
  (id) => redis.set(KEYS.execution(id), 'text'),
  (id) => redis.zrem(KEYS.executions.all(), id),
  (id) => redis.zincrby(KEYS.executions.all(), 1, id),
  (id) => redis.zrem(KEYS.executions.byPrincipal('slack:U1'), id),
  (id) => redis.zadd(KEYS.executions.byStatus('error'), 5, id),
  (id) => redis.zadd(KEYS.executions.byProject('ghost/town'), 5, id),
];

/** The same, with what is stored of many. */
const OF_MANY: readonly Corruption[] = [
  (id) => redis.del(KEYS.executions.byProject(`owner/repo-${id.length % 5}`)),
  () => redis.set(KEYS.executions.byStatus('success'), 'text'),
];

/** What goes wrong at once, with so many executions. */
function anyCorruptions(prefix: string, executions: number, from: readonly Corruption[]) {
  const id = fc.integer({ min: 0, max: executions - 1 }).map((n) => `${prefix}${n}`);
  return fc.array(fc.tuple(id, fc.constantFrom(...from)), { minLength: 1, maxLength: 12 });
}

async function corruptAll(wrong: readonly (readonly [string, Corruption])[]): Promise<void> {
  // What holds another type by now is wrong already.
  for (const [id, corrupt] of wrong) await corrupt(id).catch(() => undefined);
}

const anyBudget = fc.constantFrom(64 * 1024 * 1024, 20 * 1024);

/** What is stored of the executions that are named so. */
function partOf(dump: Dump, prefix: string): Dump {
  const parts = Object.entries(dump).flatMap(([key, value]): [string, unknown][] => {
    const parsed = KEYS.readModel.parse(key);
    if (parsed?.kind === 'row') return parsed.executionId.startsWith(prefix) ? [[key, value]] : [];
    const members = Object.entries(value as object).filter(([id]) => id.startsWith(prefix));
    return members.length === 0 ? [] : [[key, Object.fromEntries(members)]];
  });
  return Object.fromEntries(parts);
}

describe('beside a projector that is never idle', { timeout: 90_000 }, () => {
  test.for([
    ['one pass', 64 * 1024 * 1024, 10],
    ['many passes', 12 * 1024, 3],
  ] as const)(
    'check finds no difference where there is none, in %s',
    async ([, maxBytes, times]) => {
      const load = await startLoad(
        await projectEntries(redis, server.url, entriesOf(300, EXECUTIONS)),
      );
      for (let n = 0; n < times; n += 1) {
        const commits = load.projector.commits.length;
        const { differences, outcome } = await repair(redis, { maxBytes });
        expect(differences).toEqual([]);
        expect(outcome.rows).toBeGreaterThan(20);
        expect(load.projector.commits.length).toBeGreaterThan(commits);
      }
      await load.stop();
    },
  );

  test('check finds what is wrong, and nothing else', async () => {
    const load = await startLoad(
      await projectEntries(redis, server.url, entriesOf(300, EXECUTIONS)),
    );
    const ghosts = KEYS.executions.byProject('ghost/town');
    await redis.zadd(ghosts, 1, 'nobody');
    await redis.hset(KEYS.execution('nobody'), 'status', 'queued');
    const { differences } = await repair(redis);
    expect(differences).toEqual([
      `member_stray ${ghosts} nobody - - 1`,
      `row_unexplained ${KEYS.execution('nobody')} nobody - - `,
    ]);
    await load.stop();
  });

  test('a rebuild from nothing gives the fold of all events', async () => {
    const load = await startLoad(
      await projectEntries(redis, server.url, entriesOf(600, EXECUTIONS)),
    );
    const all = Object.keys(await stored());
    await redis.del(...all);
    const { unmended } = await repair(redis, { mode: 'rebuild' });
    expect(unmended).toEqual([]);
    expect((await repair(redis)).differences).toEqual([]);
    const appended = await load.stop();
    expect(await stored()).toEqual(expectedOf(appended));
  });

  test('rebuilds of what is right undo no commit', async () => {
    const load = await startLoad(
      await projectEntries(redis, server.url, entriesOf(300, EXECUTIONS)),
    );
    for (let n = 0; n < 12; n += 1) {
      const { differences, outcome } = await repair(redis, { mode: 'rebuild' });
      expect(differences).toEqual([]);
      expect(outcome.written).toBeGreaterThan(20);
    }
    const appended = await load.stop();
    expect(await stored()).toEqual(expectedOf(appended));
  });

  test('check finds whatever is wrong, and repair mends it', async () => {
    const still = Array.from({ length: 12 }, (_, n) => aRunEntry({ executionId: `still-${n}` }));
    const entries = [...still, ...entriesOf(300, EXECUTIONS)];
    const load = await startLoad(await projectEntries(redis, server.url, entries));
    const right = partOf(await dumpOfReadModel(), 'still-');
    await fc.assert(
      fc.asyncProperty(
        anyCorruptions('still-', still.length, OF_ONE),
        anyBudget,
        async (wrong, maxBytes) => {
          await corruptAll(wrong);
          const isWrong = !isDeepStrictEqual(partOf(await dumpOfReadModel(), 'still-'), right);
          const { differences } = await repair(redis, { maxBytes });
          expect(differences.length > 0).toBe(isWrong);
          for (const line of differences) expect(line).toContain(' still-');
          const { unmended } = await repair(redis, { mode: 'repair', maxBytes });
          expect(unmended).toEqual([]);
          expect(partOf(await dumpOfReadModel(), 'still-')).toEqual(right);
        },
      ),
      { numRuns: 12, interruptAfterTimeLimit: 30_000 },
    );
    const commits = load.projector.commits.length;
    const appended = await load.stop();
    expect(load.projector.commits.length).toBeGreaterThan(commits);
    expect(await stored()).toEqual(expectedOf(appended));
  });

  test('one repair mends whatever went wrong before it', async () => {
    const backlog = await projectEntries(redis, server.url, entriesOf(300, EXECUTIONS));
    const load = await startLoad(backlog);
    const anyWrong = anyCorruptions('run-', EXECUTIONS, [...OF_ONE, ...OF_MANY]);
    await fc.assert(
      fc.asyncProperty(anyWrong, anyBudget, async (wrong, maxBytes) => {
        await corruptAll(wrong);
        const { unmended } = await repair(redis, { mode: 'repair', maxBytes });
        expect(unmended).toEqual([]);
        expect((await repair(redis)).differences).toEqual([]);
      }),
      { numRuns: 16, interruptAfterTimeLimit: 40_000 },
    );
    const appended = await load.stop();
    expect(await stored()).toEqual(expectedOf(appended));
    expect(await redis.xlen(KEYS.events)).toBe(appended.length);
  });

  test('repairs at the same time do each other no harm', async () => {
    const load = await startLoad(
      await projectEntries(redis, server.url, entriesOf(300, EXECUTIONS)),
    );
    const all = Object.keys(await stored());
    await redis.del(...all);
    const runs = await Promise.all([
      repair(redis, { mode: 'rebuild' }),
      repair(redis, { mode: 'repair' }),
      repair(redis, { mode: 'rebuild', maxBytes: 20 * 1024 }),
    ]);
    expect(runs.map(({ unmended }) => unmended)).toEqual([[], [], []]);
    expect((await repair(redis)).differences).toEqual([]);
    const appended = await load.stop();
    expect(await stored()).toEqual(expectedOf(appended));
    expect(await redis.hget(KEYS.repair, 'untold')).toBeNull();
  });
});
