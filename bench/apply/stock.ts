import { parseStreamId, STREAM_START } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { indexKeysOf, indexScoreOf } from '../../src/read-model/indexes.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { encodeTaskRow, type Task } from '../../src/redis/task-row.ts';
import { backlogOf, PROJECTS } from './backlog.ts';

/** A week before the backlog: what is there already is older than what comes. */
const STOCK_MS = Date.UTC(2026, 0, 1);
const BATCH = 2000;

/** Appends a backlog to the stream of events. @returns how many events */
export async function append(
  client: Redis,
  spec: Parameters<typeof backlogOf>[0],
): Promise<number> {
  let pipeline = client.pipeline();
  let count = 0;
  for (const { id, pairs } of backlogOf(spec)) {
    pipeline.xadd(KEYS.events, id, ...pairs);
    count += 1;
    if (count % BATCH > 0) continue;
    await pipeline.exec();
    pipeline = client.pipeline();
  }
  await pipeline.exec();
  return count;
}

/** Writes so many tasks that have ended, as the projector would have left them. */
export async function stock(client: Redis, count: number): Promise<void> {
  for (let from = 0; from < count; from += BATCH) {
    const pipeline = client.pipeline();
    const members = new Map<string, string[]>();
    for (let number = from; number < Math.min(count, from + BATCH); number += 1) {
      const task = taskOf(number);
      pipeline.hset(KEYS.execution(task.executionId), ...encodeTaskRow(task));
      for (const key of indexKeysOf(task, KEYS)) {
        const list = members.get(key) ?? [];
        members.set(key, list);
        list.push(String(indexScoreOf(task)), task.executionId);
      }
    }
    for (const [key, list] of members) pipeline.zadd(key, ...list);
    for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error;
  }
}

function taskOf(number: number): Task {
  const time = (afterMs: number) => new Date(STOCK_MS + number * 50 + afterMs).toISOString();
  return {
    executionId: `old-${((number * 2654435761) % 2 ** 32).toString(36)}-${number}`,
    taskName: `Build and test of pull request ${number % 4000}`,
    status: number % 8 === 0 ? 'error' : 'success',
    project: PROJECTS[(number * 7) % PROJECTS.length] ?? '',
    occurredAt: time(0),
    flow: 'pull-request',
    actor: { provider: 'slack', id: `U${number % 300}` },
    prLinks: [],
    visibility: { responsibleUsers: [`google:person-${(number * 31) % 300}@example.com`] },
    lastEventId: parseStreamId(`${STOCK_MS + number * 50}-0`) ?? STREAM_START,
    createdAt: time(-90_000),
    startedAt: time(-80_000),
    finishedAt: time(0),
    attempt: 1,
    message: null,
    recentEventIds: [`${number}-1`, `${number}-2`, `${number}-3`],
  };
}
