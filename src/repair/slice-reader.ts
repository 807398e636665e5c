import { compareStreamIds, laterStreamId, STREAM_START, type StreamId } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { type EventEntry, readEventsAfter } from '../projector/event-reader.ts';
import type { Keys } from '../redis/keys.ts';
import { demandedBy, demandedByRow, type Target, targetOf } from './compare.ts';
import { type Asked, type Found, type MomentPlace, readMoment } from './moment.ts';
import { EventsReplacedError } from './repair.ts';
import type { Slice } from './slice.ts';
import { type Applied, executionIdIn, SliceFold } from './slice-fold.ts';

/** Events of one read at most. */
const READ_COUNT = 1000;

/** An execution at a moment, and what should be stored of it at the same one. */
export interface Looked {
  readonly executionId: string;
  readonly target: Target;
  readonly found: Found;
}

export interface Look {
  readonly place: MomentPlace;
  readonly looked: readonly Looked[];
}

export interface SliceReaderOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly slice: Slice;
  /** What the slice's tasks may take in memory. */
  readonly maxBytes: number;
  /** A position that events are known to be applied to, where the checkpoint is behind it or wrong. */
  readonly applied: StreamId;
  readonly onEvents: (count: number) => void;
  readonly onApplied: (applied: Applied) => void;
  /** Told of each event that comes after the slice was filled, applied or not. */
  readonly onNamed: (executionId: string) => void;
}

/** The tasks of a slice, which every look takes along to the moment that it reads. */
export class SliceReader {
  readonly #options: SliceReaderOptions;
  readonly #fold: SliceFold;
  /** Up to where events are folded. */
  #position: StreamId = STREAM_START;
  /** The event that was read last. */
  #last: StreamId = STREAM_START;
  #isWhole = true;

  constructor(options: SliceReaderOptions) {
    this.#options = options;
    this.#fold = new SliceFold(options.slice, options.maxBytes);
  }

  /** What is known of the tasks; as of the last look. */
  get fold(): SliceFold {
    return this.#fold;
  }

  get position(): StreamId {
    return this.#position;
  }

  /**
   * Whether no event was trimmed since the slice was filled, before it could be read. Where one was,
   * executions that began before it are not judged by what is known of them.
   */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Folds everything up to a position, and gives up a part of the slice where it must. */
  async fill(position: StreamId, signal: AbortSignal): Promise<void> {
    await this.#foldTo(position, 'fill', signal);
  }

  /**
   * Reads executions and takes the fold to the same moment. Those that should be in ordered sets
   * that were not asked are read again with these, so that each one is whole; each look is of its
   * last moment.
   *
   * @param alsoOfRows whether the ordered sets that the row itself demands are asked, too, right or
   *   wrong as it is
   * @throws EventsReplacedError
   */
  async *look(asked: Asked, alsoOfRows = false): AsyncGenerator<Look> {
    const { keys } = this.#options;
    let left = asked;
    while (left.size > 0) {
      const { place, found } = await this.#readMoment(left, []);
      const again = new Map<string, ReadonlySet<string>>();
      const looked: Looked[] = [];
      for (const [executionId, one] of found) {
        const target = targetOf(this.#fold.get(executionId), one.row, place);
        const demanded = demandedBy(target, keys);
        if (alsoOfRows) demanded.push(...demandedByRow(one.row, keys));
        if (demanded.every((key) => one.members.has(key))) {
          looked.push({ executionId, target, found: one });
        } else {
          again.set(executionId, new Set([...one.members.keys(), ...demanded]));
        }
      }
      yield { place, looked };
      left = again;
    }
  }

  /** Where Redis is, with the fold at the same moment. */
  async place(): Promise<MomentPlace> {
    return (await this.#readMoment(new Map(), [])).place;
  }

  /** How many members ordered sets have, with the fold at the same moment. */
  async sizes(sets: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const { sizes } = await this.#readMoment(new Map(), sets);
    return sizes;
  }

  async #readMoment(asked: Asked, sized: readonly string[]) {
    const { redis, keys, applied } = this.#options;
    const moment = await readMoment(redis, keys, this.#last, asked, sized);
    const { checkpoint, isBeyond, gone, holdsLast } = moment.place;
    const isTrimmed = gone !== undefined && compareStreamIds(this.#last, gone) <= 0;
    if (!holdsLast && !isTrimmed && this.#last !== STREAM_START) {
      throw new EventsReplacedError(
        `${keys.events} no longer has ${this.#last}, which was read from it`,
      );
    }
    const told = isBeyond ? undefined : checkpoint;
    const position = laterStreamId(told ?? STREAM_START, applied);
    if (compareStreamIds(position, this.#position) < 0) {
      throw new EventsReplacedError(
        `the checkpoint in ${keys.projector} went back behind ${this.#position}`,
      );
    }
    const before = this.#position;
    await this.#foldTo(position, 'fold');
    // What was trimmed after the moment was read is missing from the fold, too.
    const isMoved = compareStreamIds(before, position) < 0;
    const since = isMoved ? await this.#goneNow() : undefined;
    const goneTo = laterStreamId(gone ?? STREAM_START, since ?? STREAM_START);
    if (goneTo === STREAM_START) return moment;
    if (compareStreamIds(before, goneTo) < 0) this.#isWhole = false;
    return { ...moment, place: { ...moment.place, gone: goneTo } };
  }

  async #goneNow(): Promise<StreamId | undefined> {
    const { redis, keys } = this.#options;
    const { place } = await readMoment(redis, keys, this.#last, new Map(), []);
    return place.gone;
  }

  async #foldTo(position: StreamId, how: 'fill' | 'fold', signal?: AbortSignal): Promise<void> {
    const { redis, keys, onEvents, onApplied, onNamed } = this.#options;
    let after = this.#position;
    while (compareStreamIds(after, position) < 0 && signal?.aborted !== true) {
      const entries = await readEventsAfter(redis, keys.events, after, READ_COUNT);
      const within = upTo(entries, position);
      this.#fold[how](within, onApplied);
      onEvents(within.length);
      if (how === 'fold') for (const entry of within) onNamed(executionIdIn(entry) ?? '');
      this.#last = within.at(-1)?.id ?? this.#last;
      after = within.length < entries.length || entries.length === 0 ? position : this.#last;
    }
    this.#position = after;
  }
}

function upTo(entries: readonly EventEntry[], position: StreamId): readonly EventEntry[] {
  const end = entries.findIndex(({ id }) => compareStreamIds(id, position) > 0);
  return end < 0 ? entries : entries.slice(0, end);
}
