import { TASK_STATUSES } from '@tasktrail/contract';
import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Sight } from '../../src/auth/visibility.ts';
import type { TaskFilter } from '../../src/read-model/read-model.ts';
import { Snapshot } from '../../src/read-model/snapshot.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { useRedis } from '../fixtures/redis.ts';
import {
  arbitraryTasks,
  aTask,
  expectedIds,
  openHistory,
  PRINCIPALS,
  PROJECTS,
  storeTasks,
  timeOf,
} from './stored-tasks.ts';
import { EVERYTHING, idsOf, NO_FILTER, ownSight, walk } from './walking.ts';

const FILTERS: TaskFilter[] = [undefined, ...PROJECTS, 'owner/none'].flatMap((project) =>
  [[], ['error'], ['cancelled', 'queued', 'success'], TASK_STATUSES].map((statuses) => ({
    project,
    statuses: statuses as TaskFilter['statuses'],
  })),
);
const SIGHTS: Sight[] = [
  EVERYTHING,
  ownSight(),
  ownSight(PRINCIPALS[0]),
  ownSight(...PRINCIPALS),
  ownSight(PRINCIPALS[1], 'slack:nobody'),
];

const server = useRedis();
let redis: Redis;
let snapshot: Snapshot;

beforeEach(async () => {
  redis = server.connect();
  snapshot = new Snapshot(redis, KEYS);
  await openHistory(redis, KEYS, 'e1', '5-0');
});

describe('all pages of a walk', () => {
  test('are the tasks that pass filter and sight, in order, in full pages', async () => {
    const limits = fc.infiniteStream(fc.integer({ min: 1, max: 25 }));
    await fc.assert(
      fc.asyncProperty(arbitraryTasks, limits, async (tasks, sizes) => {
        await redis.flushdb();
        await openHistory(redis, KEYS, 'e1', '5-0');
        await storeTasks(redis, KEYS, tasks);
        for (const filter of FILTERS) {
          for (const sight of SIGHTS) {
            const limit = sizes.next().value;
            const expected = expectedIds(tasks, filter, sight);
            const pages = await walk(snapshot, { filter, sight, limit });
            expect(pages.flatMap(idsOf), describeQuery(filter, sight)).toEqual(expected);
            expect(pages.map((page) => page.items.length)).toEqual(
              fullPages(expected.length, limit),
            );
          }
        }
      }),
      { numRuns: 25 },
    );
  });

  test('are full although few of a viewer’s many tasks pass the filter', async () => {
    const tasks = Array.from({ length: 4000 }, (_, i) =>
      aTask({
        executionId: `run-${i}`,
        occurredAt: timeOf(i >> 3),
        status: i % 300 === 0 ? 'error' : 'success',
        actor: { provider: 'slack', id: i % 2 === 0 ? 'U1' : 'U2' },
      }),
    );
    await storeTasks(redis, KEYS, tasks);
    const filter: TaskFilter = { project: 'owner/repo', statuses: ['error'] };
    const sight = ownSight('slack:U1', 'slack:U2');
    const pages = await walk(snapshot, { filter, sight, limit: 5 });
    expect(pages.flatMap(idsOf)).toEqual(expectedIds(tasks, filter, sight));
    expect(pages.map((page) => page.items.length)).toEqual([5, 5, 4]);
  });

  test('are searched in steps of 500 tasks, so that Redis is never blocked for long', async () => {
    const actor = { provider: 'slack', id: 'U1' };
    const tasks = Array.from({ length: 4000 }, (_, i) => aTask({ executionId: `run-${i}`, actor }));
    await storeTasks(redis, KEYS, tasks);
    const filter: TaskFilter = { project: undefined, statuses: ['error'] };
    const query = { filter, sight: ownSight('slack:U1'), limit: 5 };
    await walk(snapshot, query);
    await redis.config('RESETSTAT');
    expect((await walk(snapshot, query)).map(idsOf)).toEqual([[]]);
    expect(await callsOf(redis, /^evalsha$/)).toBe(4000 / 500 + 1);
  });

  test('may be longer than what one call looks at', async () => {
    const tasks = Array.from({ length: 1700 }, (_, i) => aTask({ executionId: `run-${i}` }));
    await storeTasks(redis, KEYS, tasks);
    const pages = await walk(snapshot, { filter: NO_FILTER, sight: EVERYTHING, limit: 1000 });
    expect(pages.map((page) => page.items.length)).toEqual([1000, 700]);
    expect(pages.flatMap(idsOf)).toEqual(expectedIds(tasks, NO_FILTER, EVERYTHING));
  });

  test('meet each task that does not change once, in its place, while others move', async () => {
    const picks = fc.infiniteStream(fc.nat());
    await fc.assert(
      fc.asyncProperty(arbitraryTasks, fc.integer({ min: 1, max: 5 }), picks, async (...args) => {
        const [tasks, limit, numbers] = args;
        await redis.flushdb();
        await openHistory(redis, KEYS, 'e1', '5-0');
        await storeTasks(redis, KEYS, tasks);
        const stored = new Map(tasks.map((task) => [task.executionId, task]));
        const moved = new Set<string>();
        const query = { filter: NO_FILTER, sight: EVERYTHING, limit };
        const pages = await walk(snapshot, query, async (page) => {
          const number = numbers.next().value;
          // Half of the time it is the very task that the cursor names.
          const some = tasks[number % tasks.length]?.executionId ?? '';
          const before = stored.get(number % 2 === 0 ? some : (idsOf(page).at(-1) ?? ''));
          if (before === undefined) return;
          const after = { ...before, occurredAt: timeOf(253_402_300_799_999) };
          await storeTasks(redis, KEYS, [after], [before]);
          stored.set(after.executionId, after);
          moved.add(after.executionId);
        });
        const unmoved = (ids: string[]) => ids.filter((id) => !moved.has(id));
        expect(unmoved(pages.flatMap(idsOf))).toEqual(
          unmoved(expectedIds(tasks, NO_FILTER, EVERYTHING)),
        );
      }),
      { numRuns: 50 },
    );
  });
});

describe('amid 20,000 tasks of one millisecond', () => {
  const tie = Array.from({ length: 20_000 }, (_, i) =>
    aTask({
      executionId: `run-${i}`,
      status: i % 2 === 0 ? 'queued' : 'error',
      actor: { provider: 'slack', id: 'U1' },
    }),
  );
  const taskOf = (id = '') =>
    tie.find((task) => task.executionId === id) ?? aTask({ executionId: id });

  test.for([
    { sets: 'one set', filter: NO_FILTER, sight: EVERYTHING },
    {
      sets: 'several sets',
      filter: { project: 'owner/repo', statuses: ['queued', 'error'] as const },
      sight: EVERYTHING,
    },
    {
      sets: 'a set whose rows are filtered',
      filter: { project: undefined, statuses: ['queued'] as const },
      sight: ownSight('slack:U1'),
    },
  ])(
    'a walk of $sets goes on where it was, whatever became of the cursor’s task',
    async ({ filter, sight }) => {
      await storeTasks(redis, KEYS, tie);
      const expected = expectedIds(tie, filter, sight);
      let cursor: string | undefined;
      for (let at = 0; at < 1000; at += 500) {
        const page = await snapshot.page({ filter, sight, limit: 500, cursor });
        expect(idsOf(page)).toEqual(expected.slice(at, at + 500));
        cursor = page.nextCursor ?? undefined;
      }
      const next = async () => idsOf(await snapshot.page({ filter, sight, limit: 10, cursor }));
      const following = expected.slice(1000, 1011);
      const last = taskOf(expected[999]);

      expect(await next()).toEqual(following.slice(0, 10));
      await storeTasks(redis, KEYS, [], [last]);
      expect(await next()).toEqual(following.slice(0, 10));
      await storeTasks(redis, KEYS, [{ ...last, occurredAt: timeOf(253_402_300_799_999) }]);
      expect(await next()).toEqual(following.slice(0, 10));
      await storeTasks(redis, KEYS, [], [taskOf(following[0])]);
      expect(await next()).toEqual(following.slice(1));
    },
  );

  test('the place is found again by tens of commands, without the cursor’s task too', async () => {
    await storeTasks(redis, KEYS, tie);
    const query = { filter: NO_FILTER, sight: EVERYTHING };
    const page = await snapshot.page({ ...query, limit: 1000, cursor: undefined });
    const cursor = page.nextCursor ?? undefined;
    const last = taskOf(idsOf(page).at(-1));
    for (const gone of [[], [last]]) {
      await storeTasks(redis, KEYS, [], gone);
      await redis.config('RESETSTAT');
      await snapshot.page({ ...query, limit: 1, cursor });
      const calls = await callsOf(redis, /^z/);
      expect(calls).toBeGreaterThan(0);
      expect(calls).toBeLessThan(25);
    }
  });
});

/** How often the server ran the commands of that name, within scripts too, since RESETSTAT. */
async function callsOf(redis: Redis, name: RegExp): Promise<number> {
  const stats = (await redis.info('commandstats')).matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm);
  return [...stats]
    .filter(([, command = '']) => name.test(command))
    .reduce((sum, [, , calls]) => sum + Number(calls), 0);
}

/** Every page is full but the last, and only a walk that finds nothing has an empty one. */
function fullPages(tasks: number, limit: number): number[] {
  const pages = Math.max(1, Math.ceil(tasks / limit));
  return Array.from({ length: pages }, (_, i) => Math.min(limit, tasks - i * limit));
}

function describeQuery(filter: TaskFilter, sight: Sight): string {
  const principals = sight.kind === 'own' ? [...sight.principals] : sight.kind;
  return JSON.stringify({ ...filter, principals });
}
