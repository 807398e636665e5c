import { parseStreamId, STREAM_START, type StreamId } from '@tasktrail/contract';
import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { audienceOf, canSee, type Sight } from '../../src/auth/visibility.ts';
import { indexKeysOf, indexScoreOf } from '../../src/read-model/indexes.ts';
import type { TaskFilter } from '../../src/read-model/read-model.ts';
import type { Keys } from '../../src/redis/keys.ts';
import { encodeTaskRow, type Task } from '../../src/redis/task-row.ts';

/** A task with nothing optional, but for what is given. */
export function aTask(fields: Partial<Task> & { readonly executionId: string }): Task {
  const occurredAt = fields.occurredAt ?? '2026-11-20T12:00:00.000Z';
  return {
    taskName: fields.executionId,
    status: 'queued',
    project: 'owner/repo',
    occurredAt,
    flow: null,
    actor: null,
    prLinks: [],
    visibility: { responsibleUsers: [] },
    lastEventId: STREAM_START,
    createdAt: occurredAt,
    startedAt: null,
    finishedAt: null,
    attempt: 1,
    message: null,
    recentEventIds: [],
    ...fields,
  };
}

export function streamIdOf(text: string): StreamId {
  const id = parseStreamId(text);
  if (id === undefined) throw new Error(`${text} is no stream id`);
  return id;
}

export function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

/** Adds or replaces tasks: their rows, and each of them in exactly its ordered sets. */
export async function storeTasks(
  redis: Redis,
  keys: Keys,
  tasks: readonly Task[],
  replaced: readonly Task[] = [],
): Promise<void> {
  const pipeline = redis.pipeline();
  for (const task of replaced) {
    pipeline.del(keys.execution(task.executionId));
    for (const key of indexKeysOf(task, keys)) pipeline.zrem(key, task.executionId);
  }
  for (const task of tasks) {
    pipeline.hset(keys.execution(task.executionId), ...encodeTaskRow(task));
    for (const key of indexKeysOf(task, keys)) {
      pipeline.zadd(key, indexScoreOf(task), task.executionId);
    }
  }
  for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error;
}

/** Opens a history, as a server that starts does. */
export async function openHistory(
  redis: Redis,
  keys: Keys,
  epoch: string,
  checkpoint?: string,
): Promise<void> {
  const fields = checkpoint === undefined ? {} : { checkpoint };
  await redis.hset(keys.projector, { epoch, ...fields });
}

/** What all pages together must be: the tasks that pass, newest first, ties by id descending. */
export function expectedIds(tasks: readonly Task[], filter: TaskFilter, sight: Sight): string[] {
  return tasks
    .filter((task) => filter.project === undefined || task.project === filter.project)
    .filter((task) => filter.statuses.length === 0 || filter.statuses.includes(task.status))
    .filter((task) => canSee(sight, audienceOf(task)))
    .sort((a, b) => indexScoreOf(b) - indexScoreOf(a) || compareBytes(b, a))
    .map((task) => task.executionId);
}

function compareBytes(a: Task, b: Task): number {
  return Buffer.compare(Buffer.from(a.executionId), Buffer.from(b.executionId));
}

export const PROJECTS = ['owner/repo', 'owner/Repo', 'owner/repo/sub'] as const;
export const PRINCIPALS = ['google:ana@example.com', 'slack:U1', 'github:ana', 'slack:U2'] as const;

/** Few and odd times, so that most tasks tie, also before 1970. */
const TIMES_MS = [-62_135_596_800_000, -1, 0, 1, 1_795_211_160_000, 253_402_300_799_999];

/** Ids that a locale would order otherwise than their bytes: `a` < `B`, punctuation ignored. */
const executionIds = fc
  .string({ unit: fc.constantFrom(...'aAbBzZ09-_.~!'), minLength: 1, maxLength: 4 })
  .filter((id) => id !== '.' && id !== '..');

const actors = fc.constantFrom(
  null,
  { provider: 'slack', id: 'U1' },
  { provider: 'github', id: 'ana', displayName: 'Ana' },
);

export const arbitraryTasks: fc.Arbitrary<Task[]> = fc.uniqueArray(
  fc
    .record({
      executionId: executionIds,
      status: fc.constantFrom('queued', 'in_progress', 'success', 'error', 'cancelled'),
      project: fc.constantFrom(...PROJECTS),
      occurredAt: fc.constantFrom(...TIMES_MS.map(timeOf)),
      actor: actors,
      visibility: fc.record({ responsibleUsers: fc.subarray([...PRINCIPALS]) }),
    })
    .map(aTask),
  { selector: (task) => task.executionId, maxLength: 60, size: 'max' },
);
