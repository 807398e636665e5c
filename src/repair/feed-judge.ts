import { isDeepStrictEqual } from 'node:util';
import { compareStreamIds, type StreamId, type TaskChange } from '@tasktrail/contract';
import { changeOf } from '../projector/plan.ts';
import { CorruptChangeError, decodeChange } from '../redis/change-entry.ts';
import type { Difference } from './repair.ts';
import { isInSlice, type Slice } from './slice.ts';
import type { Applied } from './slice-fold.ts';
import type { FeedEntry } from './state.ts';

type OfEntry = Omit<Difference, 'key'>;

/** A difference in the feed, and the event or entry that it is of. */
export interface FeedDifference extends OfEntry {
  readonly id: StreamId;
}

/** Changes after the newest entry that are told; where more are missing, the newest. */
const MOST_MISSING = 200;

/**
 * Compares the newest entries of the feed with what the events, while they are folded, make of
 * their tasks. What came before a new epoch is not judged: nobody is sent it any more, and it may
 * tell of rows that were wrong then. What was applied after the newest entry is missing for certain:
 * trimming leaves the newest changes.
 */
export class FeedJudge {
  /** Those that are to be judged and can be read. */
  readonly #changes = new Map<StreamId, TaskChange>();
  readonly #unreadable: StreamId[] = [];
  readonly #explained = new Set<StreamId>();
  readonly #differences: FeedDifference[] = [];
  /** Those after the newest entry, in their order, the last ones only. */
  readonly #missing: FeedDifference[] = [];
  readonly #since: StreamId;
  readonly #oldest: StreamId | undefined;
  readonly #newest: StreamId | undefined;

  /**
   * @param feedEnd newest first
   * @param since the position of the epoch's beginning, where a repair opened it
   */
  constructor(feedEnd: readonly FeedEntry[], since: StreamId) {
    this.#since = since;
    const judged = feedEnd.filter(({ id }) => compareStreamIds(id, since) > 0);
    this.#newest = judged[0]?.id;
    this.#oldest = judged.at(-1)?.id;
    for (const { id, pairs } of judged) {
      try {
        this.#changes.set(id, decodeChange(id, pairs));
      } catch (error) {
        if (!(error instanceof CorruptChangeError)) throw error;
        this.#unreadable.push(id);
      }
    }
  }

  onApplied({ id, before, task }: Applied): void {
    const { executionId } = task;
    const missing = { kind: 'feed_missing', id, executionId, field: null, found: null } as const;
    if (this.#isAfterNewest(id)) {
      this.#missing.push({ ...missing, expected: id });
      if (this.#missing.length > MOST_MISSING) this.#missing.shift();
      return;
    }
    if (this.#oldest === undefined || compareStreamIds(id, this.#oldest) < 0) return;
    if (this.#unreadable.includes(id)) return;
    this.#explained.add(id);
    const change = this.#changes.get(id);
    if (change === undefined) {
      this.#differences.push({ ...missing, expected: id });
      return;
    }
    // As it comes back from JSON, in which what is undefined is absent.
    const expected = JSON.parse(JSON.stringify(changeOf(before, task))) as TaskChange;
    for (const [field, ...values] of partsOf(expected, change)) {
      if (isDeepStrictEqual(...values)) continue;
      const [wanted, found] = values.map((value) => JSON.stringify(value) ?? null);
      const of = { field: `${id} ${field}`, expected: wanted ?? null, found: found ?? null };
      this.#differences.push({ kind: 'feed_entry', id, executionId, ...of });
    }
  }

  #isAfterNewest(id: StreamId): boolean {
    return compareStreamIds(id, this.#newest ?? this.#since) > 0;
  }

  /** What was found of a slice, once all of its events are folded. */
  differencesIn(slice: Slice): FeedDifference[] {
    const unexplained = [...this.#changes]
      .filter(([id]) => !this.#explained.has(id))
      .map(([id, { item }]): FeedDifference => {
        const of = { id, executionId: item.executionId, field: null, expected: null, found: id };
        return { kind: 'feed_unexplained', ...of };
      });
    const own = [...this.#differences, ...this.#missing, ...unexplained].filter(
      ({ executionId }) => executionId !== null && isInSlice(slice, executionId),
    );
    // What cannot be read is of no known execution, and is told with those of the first slice.
    const unreadable = isInSlice(slice, '') ? this.#unreadable : [];
    return [
      ...own,
      ...unreadable.map((id): FeedDifference => {
        const of = { field: `${id} item`, expected: 'a change', found: 'no change' };
        return { kind: 'feed_entry', id, executionId: null, ...of };
      }),
    ];
  }
}

/** What is compared of a change, part by part. */
function* partsOf(
  expected: TaskChange,
  found: TaskChange,
): Generator<[field: string, expected: unknown, found: unknown]> {
  const [wantedItem, foundItem] = [expected.item, found.item].map(
    (item) => item as unknown as Readonly<Record<string, unknown>>,
  );
  const fields = new Set([...Object.keys(wantedItem ?? {}), ...Object.keys(foundItem ?? {})]);
  for (const field of fields) yield [`item.${field}`, wantedItem?.[field], foundItem?.[field]];
  yield ['previous', expected.previous, found.previous];
}
