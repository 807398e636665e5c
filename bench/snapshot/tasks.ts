import { parseStreamId, principalOf, STREAM_START, type TaskStatus } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { indexKeysOf, indexScoreOf } from '../../src/read-model/indexes.ts';
import type { Keys } from '../../src/redis/keys.ts';
import { encodeTaskRow, type Task } from '../../src/redis/task-row.ts';

/** Made-up tasks of one shape at every size, so that only the size differs. */

const START_MS = Date.UTC(2026, 0, 1);
/** A bulk import: one task in ten is of this project and of one and the same millisecond. */
const IMPORT_PROJECT = 'acme/import';
export const PROJECTS = Array.from({ length: 19 }, (_, i) => `acme/service-${i}`);
/** Created two tasks in five. The others are spread evenly over 1,000 principals. */
const BUSY = { provider: 'slack', id: 'UBUSY' } as const;

export const BUSY_PRINCIPAL = principalOf(BUSY);
/** Somebody who signs in. */
export const PERSON = 'google:person-7@example.com';

export const EPOCH = 'bench';

/** What was applied last; later events have later ids by themselves. */
export const STREAM_AT_START = parseStreamId(`${START_MS}-0`) ?? STREAM_START;

const PEOPLE = 500;
const BATCH = 1000;
const SENTENCE =
  'Installing dependencies, compiling 214 modules and running the unit tests of it. ';

/** The task of that number; the same one every time. */
export function taskOf(number: number): Task {
  const dice = diceOf(number);
  const isImported = number % 10 === 0;
  const ms = isImported ? START_MS : START_MS + number * 20 + (number % 7);
  const project = isImported ? IMPORT_PROJECT : PROJECTS[number % PROJECTS.length];
  const person = Math.floor(dice() * PEOPLE);
  const reviewer = Math.floor(dice() * PEOPLE);
  const time = (afterMs: number) => new Date(ms + afterMs).toISOString();
  return {
    executionId: `run-${dice().toString(36).slice(2, 10)}-${number}`,
    taskName: `Build and test of pull request ${number % 4000}`,
    status: statusOf(dice()),
    project: project ?? IMPORT_PROJECT,
    occurredAt: time(0),
    flow: 'pull-request',
    actor: dice() < 0.4 ? BUSY : { provider: 'slack', id: `U${person}`, displayName: 'A person' },
    prLinks: [`https://github.com/acme/service/pull/${number % 4000}`],
    visibility: { responsibleUsers: [`google:person-${reviewer}@example.com`] },
    lastEventId: parseStreamId(`${ms + 5000}-0`) ?? STREAM_START,
    createdAt: time(-90_000),
    startedAt: time(-80_000),
    finishedAt: null,
    attempt: 1,
    message: SENTENCE,
    recentEventIds: ['queued', 'started', 'tests'].map((step) => `${number}-${step}`),
  };
}

/** Writes the tasks 0 … count - 1 as the projector would leave them, and opens a history. */
export async function fill(redis: Redis, keys: Keys, count: number): Promise<void> {
  for (let from = 0; from < count; from += BATCH) {
    const pipeline = redis.pipeline();
    const members = new Map<string, (string | number)[]>();
    for (let number = from; number < Math.min(count, from + BATCH); number += 1) {
      const task = taskOf(number);
      pipeline.hset(keys.execution(task.executionId), ...encodeTaskRow(task));
      for (const key of indexKeysOf(task, keys)) {
        const list = members.get(key) ?? [];
        members.set(key, list);
        list.push(indexScoreOf(task), task.executionId);
      }
    }
    for (const [key, list] of members) pipeline.zadd(key, ...list);
    for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error;
  }
  // An event that changed nothing, so that the checkpoint is that of the stream.
  await redis.xadd(keys.events, STREAM_AT_START, 'executionId', 'none');
  await redis.hset(keys.projector, { epoch: EPOCH, checkpoint: STREAM_AT_START, entriesRead: 1 });
}

/** Most tasks have ended well. */
function statusOf(chance: number): TaskStatus {
  if (chance < 0.8) return 'success';
  if (chance < 0.92) return 'error';
  if (chance < 0.95) return 'in_progress';
  return chance < 0.98 ? 'cancelled' : 'queued';
}

/** Repeatable numbers in [0, 1): mulberry32, seeded with the task's number. */
function diceOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
