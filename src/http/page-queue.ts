import { KeyCounts } from './key-counts.ts';

/** Bounds of the work on snapshot pages, in requests. */
export interface PageQueueLimits {
  /** Worked on at the same time. */
  readonly places: number;
  /** Waiting for a place. */
  readonly maxWaiting: number;
}

/** Somebody who asks for a place. */
export interface Turn {
  readonly viewer: string;
}

/** What becomes of a request for a page. */
export type Arrival<T extends Turn> =
  | { readonly kind: 'begin' }
  /** The queue was full, and another viewer had more of it: that viewer's latest has to go. */
  | { readonly kind: 'wait'; readonly displaced: T | undefined }
  | { readonly kind: 'refuse' };

/**
 * Who reads a page next: decisions without time or I/O.
 *
 * One viewer holds half of the places at most, so that one whose pages take long leaves room at any
 * moment, not only when one of them is done. Places that become free go to the viewers in turn (round
 * robin), however many requests each of them has waiting. And a full queue refuses whoever has most of
 * it (longest queue drop): else one viewer could fill it, and all others would be refused.
 */
export class PageQueue<T extends Turn> {
  readonly #limits: PageQueueLimits;
  readonly #placesOfViewer: number;
  readonly #inWork = new KeyCounts();
  /** Those who wait by viewer, in the order of the viewers' turns. */
  readonly #waiting = new Map<string, T[]>();
  #inWorkTotal = 0;
  #waitingTotal = 0;

  constructor(limits: PageQueueLimits) {
    this.#limits = limits;
    this.#placesOfViewer = Math.ceil(limits.places / 2);
  }

  get inWork(): number {
    return this.#inWorkTotal;
  }

  get waiting(): number {
    return this.#waitingTotal;
  }

  arrive(turn: T): Arrival<T> {
    if (this.#inWorkTotal < this.#limits.places && this.#mayBegin(turn.viewer)) {
      this.#begin(turn.viewer);
      return { kind: 'begin' };
    }
    const isFull = this.#waitingTotal >= this.#limits.maxWaiting;
    const displaced = isFull ? this.#latestOfLongest(turn.viewer) : undefined;
    if (isFull && displaced === undefined) return { kind: 'refuse' };
    if (displaced !== undefined) this.leave(displaced);
    this.#add(turn);
    return { kind: 'wait', displaced };
  }

  /** Gives a place back. Whoever is returned begins with it. */
  finish(viewer: string): T | undefined {
    this.#inWork.change(viewer, -1);
    this.#inWorkTotal -= 1;
    for (const [candidate, [turn]] of this.#waiting) {
      if (turn === undefined || !this.#mayBegin(candidate)) continue;
      this.leave(turn);
      this.#toTheEnd(candidate);
      this.#begin(candidate);
      return turn;
    }
    return undefined;
  }

  /** Waits no longer. Whether it was waiting. */
  leave(turn: T): boolean {
    const turns = this.#waiting.get(turn.viewer);
    const index = turns?.indexOf(turn) ?? -1;
    if (turns === undefined || index === -1) return false;
    turns.splice(index, 1);
    this.#waitingTotal -= 1;
    if (turns.length === 0) this.#waiting.delete(turn.viewer);
    return true;
  }

  #mayBegin(viewer: string): boolean {
    return this.#inWork.of(viewer) < this.#placesOfViewer;
  }

  #begin(viewer: string): void {
    this.#inWork.change(viewer, 1);
    this.#inWorkTotal += 1;
  }

  #add(turn: T): void {
    const turns = this.#waiting.get(turn.viewer);
    if (turns === undefined) this.#waiting.set(turn.viewer, [turn]);
    else turns.push(turn);
    this.#waitingTotal += 1;
  }

  #toTheEnd(viewer: string): void {
    const turns = this.#waiting.get(viewer);
    if (turns === undefined) return;
    this.#waiting.delete(viewer);
    this.#waiting.set(viewer, turns);
  }

  /** Undefined where the two would only change places: then the one that came first stays. */
  #latestOfLongest(newcomer: string): T | undefined {
    let longest = this.#waiting.get(newcomer) ?? [];
    const own = longest.length;
    for (const turns of this.#waiting.values()) if (turns.length > longest.length) longest = turns;
    return longest.length > own + 1 ? longest.at(-1) : undefined;
  }
}
