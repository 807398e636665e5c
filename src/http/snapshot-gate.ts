import type { Writable } from 'node:stream';
import { PageQueue, type PageQueueLimits } from './page-queue.ts';
import { Refusal } from './refusal.ts';

export interface SnapshotGateOptions extends PageQueueLimits {
  /** How long a request waits for its place, in milliseconds. */
  readonly maxWaitMs: number;
  /** 0 ≤ r < 1 */
  readonly random: () => number;
  readonly observer: SnapshotGateObserver;
}

/** What the gate tells whoever measures it. */
export interface SnapshotGateObserver {
  onLoad(inWork: number, waiting: number): void;
  onRefused(reason: SnapshotRefusal): void;
}

export type SnapshotRefusal = 'queue_full' | 'queue_timeout';

/** A request that waits, and what ends that. */
interface Waiting {
  readonly viewer: string;
  readonly page: string | undefined;
  readonly settle: (outcome: 'begun' | 'gone' | 'unneeded' | SnapshotRefusal) => void;
}

/** A page that is read once for all who wait for it. */
interface SharedPage {
  readonly page: string;
  /** Resolves when another one reads it: the request leaves the queue. */
  readonly unneeded: Promise<void> | undefined;
}

/** Apart, so that those who are refused together do not come back together. */
const MIN_RETRY_SECONDS = 1;
const MAX_RETRY_SECONDS = 5;

/**
 * Bounds the work on snapshot pages: so many at the same time, so many more that wait, and none of
 * them for long. `page-queue.ts` decides whose turn it is.
 */
export class SnapshotGate {
  readonly #options: SnapshotGateOptions;
  readonly #queue: PageQueue<Waiting>;

  constructor(options: SnapshotGateOptions) {
    this.#options = options;
    this.#queue = new PageQueue(options);
  }

  /**
   * Waits for a place, which is held until what it returns is disposed of.
   *
   * @param response when it closes, nobody wants the page any more: the request leaves the queue
   * @returns undefined: the place was not needed any more
   * @throws Refusal `unavailable`, with the time after which to try again
   */
  async enter(
    viewer: string,
    response: Writable,
    shared?: SharedPage,
  ): Promise<Disposable | undefined> {
    const outcome = response.closed ? 'gone' : await this.#arrive(viewer, response, shared);
    if (outcome === 'begun') return this.#place(viewer);
    if (outcome === 'unneeded') return undefined;
    if (outcome === 'gone') {
      throw new Refusal('unavailable', 'the client has left', { reason: 'client_gone' });
    }
    this.#options.observer.onRefused(outcome);
    throw this.#refusal(outcome);
  }

  async #arrive(viewer: string, response: Writable, shared: SharedPage | undefined) {
    const { promise, resolve: settle } = Promise.withResolvers<Parameters<Waiting['settle']>[0]>();
    const turn: Waiting = { viewer, page: shared?.page, settle };
    const arrival = this.#queue.arrive(turn);
    this.#tellLoad();
    if (arrival.kind === 'begin') return 'begun';
    if (arrival.kind === 'refuse') return 'queue_full';
    arrival.displaced?.settle('queue_full');
    const deadline = setTimeout(() => this.#leave(turn, 'queue_timeout'), this.#options.maxWaitMs);
    const onClose = () => this.#leave(turn, 'gone');
    response.once('close', onClose);
    void shared?.unneeded?.then(() => this.#leave(turn, 'unneeded'));
    const outcome = await promise;
    clearTimeout(deadline);
    response.off('close', onClose);
    return outcome;
  }

  #leave(turn: Waiting, outcome: 'queue_timeout' | 'gone' | 'unneeded'): void {
    if (!this.#queue.leave(turn)) return;
    this.#tellLoad();
    turn.settle(outcome);
  }

  #place(viewer: string): Disposable {
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#queue.finish(viewer)?.settle('begun');
        this.#tellLoad();
      },
    };
  }

  #refusal(reason: SnapshotRefusal): Refusal {
    const span = MAX_RETRY_SECONDS - MIN_RETRY_SECONDS + 1;
    const seconds = MIN_RETRY_SECONDS + Math.floor(this.#options.random() * span);
    const message = `too many snapshot pages are asked for now; try again in ${seconds} s`;
    return new Refusal('unavailable', message, {
      headers: { 'Retry-After': String(seconds) },
      reason: `snapshot_${reason}`,
    });
  }

  #tellLoad(): void {
    this.#options.observer.onLoad(this.#queue.inWork, this.#queue.waiting);
  }
}
