import { setTimeout as delay } from 'node:timers/promises';
import type { ViewerRights } from '../../auth/auth.ts';
import { sleep } from '../../runtime/retry.ts';
import type { Service } from '../../runtime/service.ts';
import { type Admission, StreamCounts, type StreamLimits } from './admission.ts';
import type { StreamObserver } from './sse.ts';
import type { StreamConnection } from './stream-connection.ts';

/** How often time passes for streams: the precision of everything that they time. */
export const TICK_MS = 250;
/** Over how long a drain spreads, so that the clients do not come back all at once. */
const DRAIN_MS = 4000;

/** Every open stream of the process, the one timer for all of them, and how they end. */
export class StreamRegistry implements Service {
  readonly name = 'streams';
  readonly #limits: StreamLimits;
  readonly #observer: StreamObserver;
  readonly #streams = new Set<StreamConnection>();
  readonly #counts = new StreamCounts();
  #isDraining = false;

  constructor(limits: StreamLimits, observer: StreamObserver) {
    this.#limits = limits;
    this.#observer = observer;
  }

  get open(): number {
    return this.#counts.total;
  }

  /**
   * Whether one more stream may open; it must then be added in the same turn.
   *
   * @param isFilled whether there is a hub to follow
   */
  admit(viewer: string, address: string, isFilled: boolean): Admission {
    const admission = this.#isDraining
      ? 'draining'
      : isFilled
        ? this.#counts.judge(this.#limits, viewer, address)
        : 'capacity';
    if (admission !== 'admitted') this.#observer.onRefused(admission);
    return admission;
  }

  /** @returns what to call once the connection is closed */
  add(stream: StreamConnection, viewer: string, address: string): () => void {
    this.#streams.add(stream);
    this.#counts.add(viewer, address);
    return () => {
      if (!this.#streams.delete(stream)) return;
      this.#counts.remove(viewer, address);
      stream.closed();
      this.#observer.onClosed(stream.closeReason);
    };
  }

  /** Lets time pass until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(TICK_MS, signal);
      for (const stream of this.#streams) stream.tick();
    }
  }

  /** Has every open stream go on with what its viewer may see now. */
  reapply({ sightOf }: Pick<ViewerRights, 'sightOf'>): void {
    for (const stream of this.#streams) stream.reapply(sightOf(stream.viewer));
  }

  /** Refuses new streams and ends the open ones, spread over a few seconds. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    const streams = [...this.#streams];
    const perTick = Math.ceil((streams.length * TICK_MS) / DRAIN_MS);
    while (streams.length > 0) {
      for (const stream of streams.splice(0, perTick)) stream.end('draining');
      if (streams.length > 0) await delay(TICK_MS);
    }
  }
}
