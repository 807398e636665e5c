import { KeyCounts } from './key-counts.ts';

/** Bounds of the work on snapshot pages, in requests. */
export interface PageQueueLimits {
  /** Worked on at the same time. */
  readonly places: number;
  /** Waiting for a place. All who wait for the same page are one: it is read for all of them. */
  readonly maxWaiting: number;
}

/** Somebody who asks for a place. */
export interface Turn {
  readonly viewer: string;
  /** Whoever else waits for it is answered by the same work. Undefined: nobody is. */
  readonly page?: string | undefined;
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
 * it (longest queue drop): else one viewer could fill it, and all others would be refused. Of those who
 * wait for the same page only the first counts, so nobody is refused for a page that is read anyway.
 */
export class PageQueue<T extends Turn> {
  readonly #limits: PageQueueLimits;
  readonly #placesOfViewer: number;
  readonly #inWork = new KeyCounts();
  /** Those who wait by viewer, in the order of the viewers' turns. */
  readonly #waiting = new Map<string, T[]>();
  /** Those who wait by page, in the order in which they came. */
  readonly #waitingForPage = new Map<string | T, Set<T>>();
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
    const isJoining = this.#waitingForPage.has(pageOf(turn));
    const isFull = !isJoining && this.#waitingForPage.size >= this.#limits.maxWaiting;
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
    const others = this.#waitingForPage.get(pageOf(turn));
    others?.delete(turn);
    if (others?.size === 0) this.#waitingForPage.delete(pageOf(turn));
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
    const others = this.#waitingForPage.get(pageOf(turn));
    if (others === undefined) this.#waitingForPage.set(pageOf(turn), new Set([turn]));
    else others.add(turn);
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
    const own = this.#counted(this.#waiting.get(newcomer) ?? []).length;
    let longest: T[] = [];
    for (const turns of this.#waiting.values()) {
      const counted = this.#counted(turns);
      if (counted.length > longest.length) longest = counted;
    }
    return longest.length > own + 1 ? longest.at(-1) : undefined;
  }

  /** Without those who only wait with another for the same page: to refuse them makes no room. */
  #counted(turns: readonly T[]): T[] {
    return turns.filter((turn) => {
      const [first] = this.#waitingForPage.get(pageOf(turn)) ?? [];
      return first === turn;
    });
  }
}

function pageOf<T extends Turn>(turn: T): string | T {
  return turn.page ?? turn;
}
