import { compareStreamIds, STREAM_START, type StreamId } from '@tasktrail/contract';
import type { MomentPlace } from './moment.ts';
import { hashOf } from './slice.ts';

interface MendedRow {
  /** The checkpoint when it was written. */
  readonly at: StreamId;
  /** The ordered sets that it was put into. */
  readonly sets: ReadonlySet<string>;
}

/**
 * Rows that were written, as long as a commit may still undo it.
 *
 * A projector reads rows, and then commits what it makes of them if the checkpoint is still the same.
 * A row that is written in between is overwritten by what came of the wrong one. That can be only the
 * commit that goes on from the checkpoint of the moment of writing: the next one reads rows after it.
 * So once the checkpoint has moved on, a row is certain unless an event of its execution was among
 * those that it moved over; then it is compared again. While no event waits there is no such commit.
 */
export class Unsettled {
  readonly #rows = new Map<string, MendedRow>();
  readonly #doubtful = new Set<string>();

  get size(): number {
    return this.#rows.size;
  }

  add(executionId: string, at: StreamId | undefined, sets: Iterable<string>): void {
    this.#rows.set(executionId, { at: at ?? STREAM_START, sets: new Set(sets) });
    this.#doubtful.delete(executionId);
  }

  /** An event of the execution was looked at. */
  onNamed(executionId: string): void {
    if (this.#rows.has(executionId)) this.#doubtful.add(executionId);
  }

  /** Forgets the rows that are certain, once all events up to a moment are told. */
  settle({ checkpoint = STREAM_START, hasWaiting }: MomentPlace): void {
    for (const [executionId, { at }] of this.#rows) {
      if (this.#doubtful.has(executionId)) continue;
      if (!hasWaiting || compareStreamIds(at, checkpoint) < 0) this.#rows.delete(executionId);
    }
  }

  /** The same, where every commit that had begun before that moment was done or is refused. */
  settleRefused(place: MomentPlace): void {
    this.settle({ ...place, hasWaiting: false });
  }

  /** Takes out the rows that must be compared again, each with the sets that it was put into. */
  takeDoubtful(): Map<string, ReadonlySet<string>> {
    const taken = new Map<string, ReadonlySet<string>>();
    for (const executionId of this.#doubtful) {
      taken.set(executionId, this.#rows.get(executionId)?.sets ?? new Set());
      this.#rows.delete(executionId);
    }
    this.#doubtful.clear();
    return taken;
  }

  /** The lowest hash of a row that is not certain; undefined where all are. */
  lowestHash(): number | undefined {
    const hashes = [...this.#rows.keys()].map(hashOf);
    return hashes.length === 0 ? undefined : hashes.reduce((a, b) => Math.min(a, b));
  }
}
