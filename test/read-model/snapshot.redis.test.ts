import { formatPosition, STREAM_START, TaskPageSchema } from '@tasktrail/contract';
import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  PageCursorError,
  ReadModelUnavailableError,
  type TaskFilter,
} from '../../src/read-model/read-model.ts';
import { Snapshot } from '../../src/read-model/snapshot.ts';
import { KEYS, type Keys } from '../../src/redis/keys.ts';
import { CorruptRowError, toItem } from '../../src/redis/task-row.ts';
import { MAY_LOAD, whileBusy, whileLoading } from '../fixtures/ailing-redis.ts';
import { useRedis } from '../fixtures/redis.ts';
import { aTask, openHistory, storeTasks } from './stored-tasks.ts';
import { EVERYTHING, idsOf, NO_FILTER, ownSight, walk } from './walking.ts';

const server = useRedis(MAY_LOAD);
let redis: Redis;
let snapshot: Snapshot;

beforeEach(() => {
  redis = server.connect();
  snapshot = new Snapshot(redis, KEYS);
});

describe('a page', () => {
  test('is as the contract says', async () => {
    await openHistory(redis, KEYS, 'e1', '5-0');
    const task = aTask({
      executionId: 'run-1',
      actor: { provider: 'slack', id: 'U1' },
      prLinks: ['https://example.com/pull/1'],
      visibility: { responsibleUsers: ['google:ana@example.com'] },
      recentEventIds: ['e-1'],
    });
    await storeTasks(redis, KEYS, [task, aTask({ executionId: 'run-0' })]);
    const page = await readPage();
    expect(page.items).toEqual([toItem(task)]);
    expect(Object.keys(page.items[0] ?? {})).not.toContain('recentEventIds');
    expect(TaskPageSchema.strict().safeParse(page).success).toBe(true);
  });

  test('is full and right although an ordered set holds strays, as after half a commit', async () => {
    await openHistory(redis, KEYS, 'e1', '5-0');
    const tasks = ['a', 'b', 'c', 'd'].map((executionId, n) =>
      aTask({ executionId, status: n % 2 === 0 ? 'queued' : 'success' }),
    );
    await storeTasks(redis, KEYS, tasks);
    const queued = KEYS.executions.byStatus('queued');
    for (const { executionId, occurredAt } of tasks) {
      await redis.zadd(queued, Date.parse(occurredAt), executionId);
    }
    const filter = { project: undefined, statuses: ['queued' as const] };
    const page = await snapshot.page({ filter, sight: EVERYTHING, limit: 2, cursor: undefined });
    expect(page.items.map(({ executionId }) => executionId)).toEqual(['c', 'a']);
    expect(page.nextCursor).toBeNull();
  });

  test('is empty and the last one when nothing passes', async () => {
    await openHistory(redis, KEYS, 'e1', '5-0');
    await storeTasks(redis, KEYS, [aTask({ executionId: 'run-1' })]);
    const query = { filter: NO_FILTER, sight: ownSight(), limit: 10, cursor: undefined };
    const empty = { items: [], nextCursor: null, streamCursor: 'v1.e1.5-0' };
    expect(await snapshot.page(query)).toEqual(empty);
  });

  test('has the position of the first page of its walk', async () => {
    await openHistory(redis, KEYS, 'e1');
    const tasks = ['a', 'b', 'c', 'd', 'e'].map((executionId) => aTask({ executionId }));
    await storeTasks(redis, KEYS, tasks);
    const query = { filter: NO_FILTER, sight: EVERYTHING, limit: 2 };
    let ms = 100;
    const pages = await walk(snapshot, query, async () => {
      ms += 1;
      await redis.hset(KEYS.projector, 'checkpoint', `${ms}-0`);
    });
    const start = formatPosition({ epoch: 'e1', id: STREAM_START });
    expect(pages.map((page) => page.streamCursor)).toEqual([start, start, start]);
    expect((await readPage()).streamCursor).toBe('v1.e1.102-0');
  });

  test('shows nobody a task that an index gives them by mistake', async () => {
    await openHistory(redis, KEYS, 'e1', '5-0');
    const own = aTask({ executionId: 'a', actor: { provider: 'slack', id: 'U1' } });
    const foreign = aTask({ executionId: 'b', actor: { provider: 'slack', id: 'U2' } });
    await storeTasks(redis, KEYS, [own, foreign]);
    await redis.zadd(KEYS.executions.byPrincipal('slack:U1'), Date.parse(foreign.occurredAt), 'b');
    const query = { filter: NO_FILTER, sight: ownSight('slack:U1'), limit: 1 };
    expect((await walk(snapshot, query)).map(idsOf)).toEqual([['a']]);
  });
});

test('texts come through a page as they do one by one, whatever is stored', async () => {
  await openHistory(redis, KEYS, 'e1', '5-0');
  await storeTasks(redis, KEYS, [aTask({ executionId: 'run-1' })]);
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom(...'"\\/\u0000\u001f\u007f\u2028\ud83d\ude00{}[]', '\n') }),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
  );
  await fc.assert(
    fc.asyncProperty(texts, texts, async (taskName, message) => {
      await redis.hset(KEYS.execution('run-1'), { taskName, message });
      const { items } = await readPage();
      expect(items).toEqual([await snapshot.task('run-1', EVERYTHING)]);
    }),
  );
});

describe('a cursor', () => {
  let cursor: string;

  beforeEach(async () => {
    await openHistory(redis, KEYS, 'e1', '5-0');
    await storeTasks(redis, KEYS, [aTask({ executionId: 'a' }), aTask({ executionId: 'b' })]);
    cursor = (await readPage()).nextCursor ?? '';
  });

  test('of a replaced history is refused, never read as the first page', async () => {
    await redis.hset(KEYS.projector, 'epoch', 'e2');
    await expect(readPage({ cursor })).rejects.toThrow(PageCursorError);
    expect((await readPage()).items).toHaveLength(1);
  });

  test('of other filters is refused', async () => {
    const filter: TaskFilter = { project: 'owner/repo', statuses: [] };
    await expect(readPage({ cursor, filter })).rejects.toThrow(PageCursorError);
  });

  test('that is empty is refused', async () => {
    await expect(readPage({ cursor: '' })).rejects.toThrow(PageCursorError);
  });
});

describe('one task', () => {
  const own = aTask({ executionId: 'run-1', actor: { provider: 'slack', id: 'U1' } });

  beforeEach(async () => {
    await openHistory(redis, KEYS, 'e1', '5-0');
    await storeTasks(redis, KEYS, [own]);
  });

  test('is the item for who may see it', async () => {
    for (const sight of [EVERYTHING, ownSight('github:ana', 'slack:U1')]) {
      expect(await snapshot.task('run-1', sight)).toEqual(toItem(own));
    }
  });

  test('is the same nothing for who may not see it as where there is none', async () => {
    expect(await snapshot.task('run-1', ownSight('slack:U2'))).toBeUndefined();
    expect(await snapshot.task('run-1', ownSight())).toBeUndefined();
    expect(await snapshot.task('run-2', EVERYTHING)).toBeUndefined();
  });

  test('whose row is corrupt is an error that names it, on a page as well', async () => {
    await redis.hset(KEYS.execution('run-1'), 'status', 'running');
    await expect(snapshot.task('run-1', EVERYTHING)).rejects.toThrow(CorruptRowError);
    await expect(readPage()).rejects.toThrow(/run-1/);
  });
});

describe('the read model is unavailable', () => {
  test.for(['2', '0', '0>1', '1>2'])(
    'where its rows are of layout %s, which this program may misread',
    async (layout) => {
      await openHistory(redis, KEYS, 'e1', '5-0');
      await storeTasks(redis, KEYS, [aTask({ executionId: 'run-1' })]);
      await redis.hset(KEYS.projector, 'layout', layout);
      await expect(readPage()).rejects.toThrow(ReadModelUnavailableError);
      const read = snapshot.task('run-1', EVERYTHING);
      await expect(read).rejects.toThrow(ReadModelUnavailableError);
      await redis.hset(KEYS.projector, 'layout', '1');
      expect((await readPage()).items).toHaveLength(1);
    },
  );

  test('while no history has been opened', async () => {
    await storeTasks(redis, KEYS, [aTask({ executionId: 'run-1' })]);
    await expect(readPage()).rejects.toThrow(ReadModelUnavailableError);
    const read = snapshot.task('run-1', EVERYTHING);
    await expect(read).rejects.toThrow(ReadModelUnavailableError);
  });

  test('while the stored checkpoint is no position', async () => {
    await openHistory(redis, KEYS, 'e1', 'garbage');
    await expect(readPage()).rejects.toThrow(ReadModelUnavailableError);
  });

  test('when the history is replaced amid a page', async () => {
    await openHistory(redis, KEYS, 'e1', '5-0');
    const tasks = Array.from({ length: 600 }, (_, i) => aTask({ executionId: `run-${i}` }));
    await storeTasks(redis, KEYS, tasks);
    const query = { filter: NO_FILTER, sight: EVERYTHING, limit: 600, cursor: undefined };
    expect((await snapshot.page(query)).items).toHaveLength(600);
    const evalsha = redis.evalsha.bind(redis) as (...args: unknown[]) => Promise<unknown>;
    redis.evalsha = (async (...args: unknown[]) => {
      const part = await evalsha(...args);
      await redis.hset(KEYS.projector, 'epoch', 'e2');
      return part;
    }) as typeof redis.evalsha;
    await expect(snapshot.page(query)).rejects.toThrow(ReadModelUnavailableError);
  });

  test('while Redis is away, with the cause, and no longer than that', async () => {
    redis = server.connect({ maxRetriesPerRequest: 0 });
    snapshot = new Snapshot(redis, KEYS);
    await openHistory(redis, KEYS, 'e1', '5-0');
    await server.server.kill();
    const reads = [readPage(), snapshot.task('run-1', EVERYTHING)];
    for (const result of await Promise.allSettled(reads)) {
      expect(result).toMatchObject({
        status: 'rejected',
        reason: { name: 'ReadModelUnavailableError', cause: expect.any(Error) },
      });
    }
    await server.server.restart();
    await openHistory(server.connect(), KEYS, 'e2', '6-0');
    await expect
      .poll(() => readPage().catch(() => undefined), { timeout: 5000 })
      .toMatchObject({ streamCursor: 'v1.e2.6-0' });
  });

  test.for([
    ['is busy with a script', whileBusy, /^BUSY /],
    ['loads what it holds', whileLoading, /^LOADING /],
  ] as const)('while Redis is there and %s, and no longer than that', async ([, ailing, code]) => {
    await openHistory(redis, KEYS, 'e1', '5-0');
    await readPage();
    await ailing(server, async () => {
      const reads = await Promise.allSettled([readPage(), snapshot.task('run-1', EVERYTHING)]);
      const reason = {
        name: 'ReadModelUnavailableError',
        cause: { message: expect.stringMatching(code) },
      };
      expect(reads).toMatchObject(Array(2).fill({ status: 'rejected', reason }));
    });
    expect(await readPage()).toMatchObject({ items: [] });
  });
});

describe('reading', () => {
  test('needs no right to write: a full Redis and a replica answer', async () => {
    await openHistory(redis, KEYS, 'e1', '5-0');
    await storeTasks(redis, KEYS, [aTask({ executionId: 'run-1' })]);
    await redis.config('SET', 'maxmemory', '1');
    await redis.replicaof('127.0.0.1', 1);
    try {
      await expect(redis.hset(KEYS.projector, 'epoch', 'e2')).rejects.toThrow();
      expect(idsOf(await readPage())).toEqual(['run-1']);
    } finally {
      await redis.replicaof('NO', 'ONE');
      await redis.config('SET', 'maxmemory', '0');
    }
  });

  test('touches only keys of the layout that was passed in', async () => {
    const keys = taggedKeys('{7}:');
    snapshot = new Snapshot(redis, keys);
    await openHistory(redis, keys, 'e1', '5-0');
    await storeTasks(redis, keys, [aTask({ executionId: 'run-1' })]);
    for (const filter of [NO_FILTER, { project: 'owner/repo', statuses: ['queued'] as const }]) {
      expect(idsOf(await readPage({ filter }))).toEqual(['run-1']);
    }
    expect(await snapshot.task('run-1', EVERYTHING)).toBeDefined();
  });
});

function readPage(query: { readonly filter?: TaskFilter; readonly cursor?: string } = {}) {
  const { filter = NO_FILTER, cursor } = query;
  return snapshot.page({ filter, sight: EVERYTHING, limit: 1, cursor });
}

/** Today's layout under a hash tag, as a partition would have it. */
function taggedKeys(tag: string): Keys {
  const { executions } = KEYS;
  return {
    ...KEYS,
    projector: tag + KEYS.projector,
    execution: (id) => tag + KEYS.execution(id),
    executions: {
      all: () => tag + executions.all(),
      byStatus: (status) => tag + executions.byStatus(status),
      byProject: (project) => tag + executions.byProject(project),
      byProjectAndStatus: (project, status) => tag + executions.byProjectAndStatus(project, status),
      byPrincipal: (principal) => tag + executions.byPrincipal(principal),
    },
  };
}
