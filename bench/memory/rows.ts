import { setTimeout as delay } from 'node:timers/promises';
import { EVENTS_STREAM } from '@tasktrail/contract';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { indexKeysOf } from '../../src/read-model/indexes.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { decodeTaskRow } from '../../src/redis/task-row.ts';
import { startSetting } from '../../test/rigs/setting.ts';
import type { Figures } from '../harness/bench.ts';
import { eventsOf } from './typical-task.ts';

const BATCH = 1000;
const POLL_MS = 50;
/** Rows that are asked for their size. */
const SAMPLE = 2000;
/** So many changes are kept, however many executions there are. */
const FEED_LENGTH = 10_000;

/** What Redis takes for each of so many executions, by what it is. */
export async function measureRows(
  executions: number,
  settings: Readonly<Record<string, string>> = {},
  message?: string,
): Promise<Figures> {
  await using setting = await startSetting({
    TASK_TRACKING_FEED_MAX_LENGTH: String(FEED_LENGTH),
  });
  const { redis } = setting;
  for (const [name, value] of Object.entries(settings)) await redis.config('SET', name, value);
  const empty = await usedBytes(redis);
  await setting.start('projector', 'projector');
  let events = 0;
  for (let from = 0; from < executions; from += BATCH) {
    const pipeline = redis.pipeline();
    for (let number = from; number < Math.min(from + BATCH, executions); number += 1) {
      for (const event of eventsOf(number, message)) {
        pipeline.xadd(EVENTS_STREAM, '*', ...Object.entries(event).flat());
        events += 1;
      }
    }
    await pipeline.exec();
  }
  const last = (await redis.xinfo('STREAM', EVENTS_STREAM)) as unknown[];
  const lastId = String(last[last.indexOf('last-generated-id') + 1]);
  while ((await redis.hget(KEYS.projector, 'checkpoint')) !== lastId) await delay(POLL_MS);
  const used = (await usedBytes(redis)) - empty;
  const log = await sizeOf(redis, KEYS.events);
  const feed = await sizeOf(redis, KEYS.updates);
  const { row, sets } = await sample(redis, executions);
  return {
    row: row,
    'ordered sets': sets,
    'all but events and feed': (used - log - feed) / executions,
    'an event': log / events,
    'a change of the feed': feed / (await redis.xlen(KEYS.updates)),
  };
}

/** Bytes of a row with its key, and of its places in ordered sets, of every so-manieth execution. */
async function sample(redis: Redis, executions: number) {
  const every = Math.ceil(executions / SAMPLE);
  let rows = 0;
  let count = 0;
  const sets = new Set<string>();
  for (let number = 0; number < executions; number += every) {
    const key = KEYS.execution(eventsOf(number)[0]?.executionId ?? '');
    rows += await sizeOf(redis, key);
    count += 1;
    const task = decodeTaskRow((await redis.hgetall(key)) as Record<string, string>);
    if (task !== undefined) for (const name of indexKeysOf(task, KEYS)) sets.add(name);
  }
  let bytes = 0;
  for (const name of sets) bytes += await sizeOf(redis, name);
  return { row: rows / count, sets: bytes / executions };
}

/** A BullMQ job with the same data, for as long as it is kept. */
export async function measureJobs(jobs: number): Promise<Figures> {
  await using setting = await startSetting();
  const { redis } = setting;
  const empty = await usedBytes(redis);
  const { host = '', port = 0 } = redis.options;
  const queue = new Queue('bench', { connection: { host, port } });
  try {
    for (let from = 0; from < jobs; from += BATCH) {
      const some = Array.from({ length: Math.min(BATCH, jobs - from) }, (_, n) => {
        const [data = {}] = eventsOf(from + n);
        return { name: 'task', data, opts: { jobId: String(data.executionId) } };
      });
      await queue.addBulk(some);
    }
    await redis.del('bull:bench:events');
    return { 'all but events and feed': ((await usedBytes(redis)) - empty) / jobs };
  } finally {
    await queue.close();
  }
}

async function sizeOf(redis: Redis, key: string): Promise<number> {
  return (await redis.memory('USAGE', key, 'SAMPLES', 0)) ?? 0;
}

async function usedBytes(redis: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
}
