import type { StreamId } from '@tasktrail/contract';
import { indexKeysOf } from '../read-model/indexes.ts';
import type { Keys } from '../redis/keys.ts';
import type { Task } from '../redis/task-row.ts';

/** Sets that are counted at most: what counting may take in memory. */
const MAX_SETS = 100_000;

interface SizeDifference {
  readonly key: string;
  readonly found: number;
  readonly expected: number;
}

/**
 * How many members the ordered sets should have. That can be said only of one moment: with one slice
 * of any, because the events that come are told; with more of them while no event comes.
 */
export class SetSizes {
  readonly #keys: Keys;
  readonly #sizes = new Map<string, number>();
  #isGivenUp = false;
  #slices = 0;
  /** Where the slices are. */
  #position: StreamId | undefined;

  constructor(keys: Keys) {
    this.#keys = keys;
  }

  /** Whether the sizes are known: of all executions, at the same moment. */
  get isKnown(): boolean {
    return !this.#isGivenUp;
  }

  get sets(): readonly string[] {
    return [...this.#sizes.keys()];
  }

  /** Counts the tasks of a slice, as they are at a position. */
  addSlice(tasks: Iterable<Task>, position: StreamId): void {
    this.#position ??= position;
    if (this.#position !== position) this.giveUp();
    this.#slices += 1;
    for (const task of tasks) this.#add(task, 1);
  }

  /** An event came that the last slice is of. */
  move(before: Task | undefined, after: Task): void {
    if (before !== undefined) this.#add(before, -1);
    this.#add(after, 1);
  }

  giveUp(): void {
    this.#isGivenUp = true;
    this.#sizes.clear();
  }

  /** What differs of sizes that were read at a position; nothing where none are known of it. */
  compare(found: ReadonlyMap<string, number>, position: StreamId): SizeDifference[] {
    if (this.#slices > 1 && position !== this.#position) this.giveUp();
    if (this.#isGivenUp) return [];
    return [...found]
      .map(([key, size]) => ({ key, found: size, expected: this.#of(key) }))
      .filter((size) => size.found !== size.expected);
  }

  #of(set: string): number {
    return this.#sizes.get(set) ?? 0;
  }

  #add(task: Task, count: number): void {
    if (this.#isGivenUp) return;
    for (const key of indexKeysOf(task, this.#keys)) this.#sizes.set(key, this.#of(key) + count);
    if (this.#sizes.size > MAX_SETS) this.giveUp();
  }
}
