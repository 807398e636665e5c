import { GENERATOR_BUSY } from '../harness/bench.ts';
import { cpuSecondsOf, LOAD_CORE, startWorker, type Worker } from '../harness/processes.ts';
import type { Load, Loaded } from './load.ts';

/** A load generator, and how much of its core it takes together with what else runs there. */
export interface Loader extends AsyncDisposable {
  /**
   * @param expected status of every answer
   * @throws Error when one has another
   */
  load(load: Load, expected: number): Promise<Loaded & { readonly [GENERATOR_BUSY]: number }>;
}

/** @param beside processes on the same core that work for what is measured: Redis */
export async function startLoader(beside: readonly number[]): Promise<Loader> {
  const worker = await startWorker(new URL('load-process.ts', import.meta.url), LOAD_CORE);
  return {
    load: async (load, expected) => {
      const before = await secondsOf(worker, beside);
      const startedAt = performance.now();
      const loaded = await worker.ask<Loaded>(load);
      const took = (performance.now() - startedAt) / 1000;
      const unexpected = [...loaded.statuses].filter(([status]) => status !== expected);
      if (unexpected.length > 0) throw new Error(`answers with ${unexpected.join(', ')}`);
      const busy = ((await secondsOf(worker, beside)) - before) / took;
      return { ...loaded, [GENERATOR_BUSY]: 100 * busy };
    },
    [Symbol.asyncDispose]: () => worker[Symbol.asyncDispose](),
  };
}

async function secondsOf({ pid }: Worker, beside: readonly number[]): Promise<number> {
  const seconds = await Promise.all([pid, ...beside].map(cpuSecondsOf));
  return seconds.reduce((sum, each) => sum + each, 0);
}
