import { Worker } from 'bullmq';
import { answer } from '../harness/processes.ts';

export interface BullRun {
  readonly host: string;
  readonly port: number;
  readonly queue: string;
  readonly jobs: number;
  readonly concurrency: number;
}

/** Runs jobs that do nothing. @returns seconds until as many were completed */
async function run({ host, port, queue, jobs, concurrency }: BullRun): Promise<number> {
  const worker = new Worker(queue, async () => undefined, {
    connection: { host, port },
    concurrency,
    autorun: false,
    removeOnComplete: { count: 0 },
  });
  await worker.waitUntilReady();
  const startedAt = performance.now();
  await new Promise<void>((resolve, reject) => {
    let left = jobs;
    worker.on('completed', () => {
      left -= 1;
      if (left === 0) resolve();
    });
    worker.on('error', reject);
    worker.run().catch(reject);
  });
  const seconds = (performance.now() - startedAt) / 1000;
  await worker.close(true);
  return seconds;
}

answer(run);
