import type { BenchCase } from '../harness/bench.ts';
import { SERVER_CORE, startWorker } from '../harness/processes.ts';

const CALLS = 100_000;

/** What it costs to know whose token it is. */
export function tokenCase(version: string): BenchCase {
  return {
    id: 'token',
    title: 'Verifying an ID token of 1 KB: the first time, and again',
    figures: {
      first: { unit: 'µs', better: 'less' },
      again: { unit: 'µs', better: 'less' },
    },
    contestants: [
      {
        name: 'tasktrail',
        version,
        measure: async () => {
          const module = new URL('token-process.ts', import.meta.url);
          await using worker = await startWorker(module, SERVER_CORE);
          return await worker.ask<{ first: number; again: number }>({ calls: CALLS });
        },
      },
    ],
    targets: [{ contestant: 'tasktrail', figure: 'again', atMost: 20 }],
    isGuarded: true,
  };
}
