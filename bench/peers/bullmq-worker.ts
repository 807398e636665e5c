import { createRequire } from 'node:module';
import { Queue } from 'bullmq';
import { backlogOf } from '../apply/backlog.ts';
import { KeptRedis } from '../apply/kept-redis.ts';
import type { Contestant } from '../harness/bench.ts';
import { SERVER_CORE, startWorker } from '../harness/processes.ts';
import type { BullRun } from './bullmq-worker-process.ts';

const QUEUE = 'bench';
/** As its documents show. */
const CONCURRENCY = 50;
const BULK = 1000;

/** One BullMQ worker, whose jobs do nothing. */
export async function bullmqContestant(jobs: number): Promise<Contestant> {
  const { version } = createRequire(import.meta.url)('bullmq/package.json') as { version: string };
  let empty: Promise<KeptRedis> | undefined;
  return {
    name: 'BullMQ, jobs that do nothing',
    version: `bullmq ${version}`,
    measure: async () => {
      empty ??= KeptRedis.fill(async () => undefined);
      return await (await empty).run(async (url) => {
        const { hostname: host, port } = new URL(url);
        await addJobs({ host, port: Number(port) }, jobs);
        await using worker = await startWorker(
          new URL('./bullmq-worker-process.ts', import.meta.url),
          SERVER_CORE,
        );
        const run = { host, port: Number(port), queue: QUEUE, jobs, concurrency: CONCURRENCY };
        return { 'events/s': jobs / (await worker.ask<number>(run satisfies BullRun)) };
      });
    },
  };
}

async function addJobs(connection: { host: string; port: number }, count: number): Promise<void> {
  const queue = new Queue(QUEUE, { connection });
  try {
    const spec = { firstExecution: 0, executions: count, atWork: 1000, startMs: 0 };
    let added = 0;
    let bulk: { name: string; data: object }[] = [];
    for (const { pairs } of backlogOf(spec)) {
      bulk.push({ name: 'event', data: asObject(pairs) });
      added += 1;
      if (bulk.length < BULK && added < count) continue;
      await queue.addBulk(bulk);
      bulk = [];
      if (added === count) return;
    }
  } finally {
    await queue.close();
  }
}

function asObject(pairs: readonly string[]): object {
  const object: Record<string, string> = {};
  for (let i = 0; i + 1 < pairs.length; i += 2) object[pairs[i] ?? ''] = pairs[i + 1] ?? '';
  return object;
}
