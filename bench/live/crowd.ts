import { LOAD_CORE, startWorker, type Worker } from '../harness/processes.ts';
import type { Door } from './live.ts';

export interface CrowdOptions {
  readonly door: Door;
  readonly viewers: number;
  /** How many of them look at every event, for its time and its place; the others count bytes. */
  readonly scanning: number;
  /** Whether a viewer is told of some events only. */
  readonly mayMiss: boolean;
}

export type ToCrowd =
  | ({ readonly kind: 'open' } & CrowdOptions)
  /** Counts begin at nothing. */
  | { readonly kind: 'begin' }
  | { readonly kind: 'count' };

/** What came to all viewers since the counts began. */
export interface CrowdCounts {
  readonly bytes: number;
  readonly scannedBytes: number;
  readonly scannedEvents: number;
  readonly faults: number;
  /** Since an event came to one that looks. */
  readonly idleMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Viewers in a process of their own, on the core of the load. */
export class Crowd implements AsyncDisposable {
  readonly #worker: Worker;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  /** Resolves once every viewer is connected. */
  static async open(options: CrowdOptions): Promise<Crowd> {
    const worker = await startWorker(new URL('crowd-process.ts', import.meta.url), LOAD_CORE);
    const crowd = new Crowd(worker);
    try {
      await crowd.#ask({ kind: 'open', ...options });
      return crowd;
    } catch (error) {
      await crowd[Symbol.asyncDispose]();
      throw error;
    }
  }

  async begin(): Promise<void> {
    await this.#ask({ kind: 'begin' });
  }

  async count(): Promise<CrowdCounts> {
    return await this.#ask({ kind: 'count' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker[Symbol.asyncDispose]();
  }

  async #ask(message: ToCrowd): Promise<CrowdCounts> {
    return await this.#worker.ask<CrowdCounts>(message);
  }
}

/** Deliveries of events: counted by those who look, and by the bytes of those who do not. */
export function deliveriesOf({ bytes, scannedBytes, scannedEvents }: CrowdCounts): number {
  return scannedEvents === 0 ? 0 : Math.round((bytes * scannedEvents) / scannedBytes);
}
