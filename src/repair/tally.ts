import type { Difference, RepairObserver } from './repair.ts';

/** Differences that are remembered, so that what a walk over keys finds twice is told once. */
const REMEMBERED = 100_000;

/** Counts what a run finds and does, and tells it. */
export class Tally {
  readonly #observer: RepairObserver;
  /** Of strays, and of rows and keys that a walk over all keys found. */
  readonly #told = new Set<string>();
  /** Sets whose members are told to differ, and still do. */
  readonly #differingSets = new Set<string>();
  differences = 0;
  mended = 0;
  written = 0;
  events = 0;
  rows = 0;
  passes = 0;
  unjudged = 0;
  /** Differences in the feed, which only a new epoch mends. */
  inFeed = 0;

  constructor(observer: RepairObserver) {
    this.#observer = observer;
  }

  async tell(difference: Difference, isMended: boolean): Promise<void> {
    this.differences += 1;
    if (isMended) this.mended += 1;
    else if (isOfSet(difference)) this.#differingSets.add(difference.key);
    await this.#observer.onDifference(difference, isMended);
  }

  /** Whether the members of a set are known to differ, so that its size says nothing new. */
  isDiffering(set: string): boolean {
    return this.#differingSets.has(set);
  }

  /** Whether a walk finds it for the first time; may be wrong after very many. */
  isNew(...name: readonly string[]): boolean {
    const text = name.join('\0');
    if (this.#told.has(text)) return false;
    if (this.#told.size >= REMEMBERED) this.#told.clear();
    this.#told.add(text);
    return true;
  }

  progress(part: number): void {
    this.#observer.onProgress({ part, events: this.events, rows: this.rows });
  }
}

function isOfSet({ kind }: Difference): boolean {
  return kind.startsWith('member_') || kind === 'wrong_type';
}
