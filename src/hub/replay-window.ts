import {
  type ClientPosition,
  compareStreamIds,
  laterStreamId,
  type Position,
  type StreamId,
} from '@tasktrail/contract';
import type { PlacedChange, Resume } from './hub.ts';

/**
 * The latest changes of one history, at most `limit`, oldest first.
 *
 * `floor` is the latest position whose change is not here any more: who has it misses nothing.
 * `head` is the position up to which the feed has been read; it may be past the last change, since
 * a duplicate or stale event changes nothing.
 */
export class ReplayWindow {
  readonly epoch: string;
  readonly #limit: number;
  /** Those before `#start` have left; they are cut off now and then, not with every change. */
  readonly #changes: PlacedChange[] = [];
  #start = 0;
  #floor: StreamId;
  #head: StreamId;

  constructor(limit: number, floor: StreamId, head: Position) {
    this.#limit = limit;
    this.#floor = floor;
    this.#head = head.id;
    this.epoch = head.epoch;
  }

  get head(): Position {
    return { epoch: this.epoch, id: this.#head };
  }

  /** Adds the next changes, in order, and lets the oldest go. */
  append(changes: readonly PlacedChange[], head: StreamId): void {
    for (const change of changes) this.#changes.push(change);
    const excess = this.#changes.length - this.#start - this.#limit;
    if (excess > 0) {
      this.#start += excess;
      this.#floor = this.#changes[this.#start - 1]?.position.id ?? this.#floor;
      if (this.#start > this.#limit) this.#start -= this.#changes.splice(0, this.#start).length;
    }
    this.#head = laterStreamId(this.#head, head);
  }

  /** The changes after a position; undefined when some of them have left the window. */
  after(id: StreamId): readonly PlacedChange[] | undefined {
    if (compareStreamIds(id, this.#floor) < 0) return undefined;
    return this.#changes.slice(this.#firstAfter(id));
  }

  /** A cursor without an epoch is taken as of this history. */
  resume({ epoch, id }: ClientPosition): Resume {
    if (epoch !== undefined && epoch !== this.epoch) {
      return { kind: 'refresh', reason: 'cursor_epoch' };
    }
    if (compareStreamIds(id, this.#head) > 0) return { kind: 'ahead' };
    const changes = this.after(id);
    return changes === undefined
      ? { kind: 'refresh', reason: 'cursor_expired' }
      : { kind: 'replay', changes };
  }

  #firstAfter(id: StreamId): number {
    let low = this.#start;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const candidate = this.#changes[middle]?.position.id ?? id;
      if (compareStreamIds(candidate, id) > 0) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
