import { laterStreamId, STREAM_START, type StreamId } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import type { Keys } from '../redis/keys.ts';
import type { Clock } from '../runtime/clock.ts';
import { FeedJudge } from './feed-judge.ts';
import { requireSources, settleKeyTypes } from './key-types.ts';
import { readMoment } from './moment.ts';
import { type RepairMode, type RepairObserver, type RepairOutcome, STREAM_END } from './repair.ts';
import { RepairRecord, RUN_START, type RunPosition } from './repair-record.ts';
import { SetSizes } from './set-sizes.ts';
import { compareSizes } from './size-repair.ts';
import { HASHES, type Slice, sliceAfter, sliceFrom } from './slice.ts';
import type { Applied } from './slice-fold.ts';
import { SliceReader } from './slice-reader.ts';
import { SliceRepair } from './slice-repair.ts';
import { readState } from './state.ts';
import { type SettledState, settleState } from './state-repair.ts';
import { Tally } from './tally.ts';
import { Unsettled } from './unsettled.ts';

export interface RepairOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly mode: RepairMode;
  /** Whether anything is written: a repair that is only tried writes nothing. */
  readonly writes: boolean;
  /** Begins anew, also where an interrupted run could be continued. */
  readonly isFromStart?: boolean;
  /** What the tasks of a slice may take in memory. */
  readonly maxBytes: number;
  /** Makes a new epoch, never the same one twice. */
  readonly createEpoch: () => string;
  readonly clock: Clock;
  readonly observer: RepairObserver;
  /** Stops it between two steps; what is written stays. */
  readonly signal: AbortSignal;
}

/** The newest changes that are compared with events. */
const FEED_ENTRIES = 200;
/** Parts of the work on a slice, for the progress. */
const FILL_PART = 0.5;
const ROWS_PART = 0.4;

/**
 * Compares the read model with the events, and mends it where that is asked.
 *
 * @throws FatalError, OlderLayoutError when the read model has another layout
 * @throws EventsReplacedError, WrongSourceError
 */
export async function runRepair(options: RepairOptions): Promise<RepairOutcome> {
  return await new RepairRun(options).run();
}

class RepairRun {
  readonly #options: RepairOptions;
  readonly #record: RepairRecord;
  readonly #tally: Tally;
  readonly #sizes: SetSizes;
  readonly #startedAtMs: number;

  constructor(options: RepairOptions) {
    this.#options = options;
    this.#record = new RepairRecord(options);
    this.#tally = new Tally(options.observer);
    this.#sizes = new SetSizes(options.keys);
    this.#startedAtMs = options.clock.monotonicMs();
  }

  async run(): Promise<RepairOutcome> {
    const { redis, keys, writes, signal, clock } = this.#options;
    await requireSources(redis, keys);
    // Before anything else: it refuses a read model of another layout.
    await readMoment(redis, keys, STREAM_START, new Map());
    const wrong = await settleKeyTypes({ redis, keys, writes, tally: this.#tally });
    const { resume, feedSince } = await this.#record.read();
    const begin = this.#beginning(resume);
    let last: SliceReader | undefined;
    let isDone = false;
    let isWithoutCheckpoint = false;
    try {
      const settled = await settleState({ ...this.#options, tally: this.#tally });
      // A feed of another type is told already, and so is all that it lacks.
      const isFeedOwn = settled.isFeedOwn && !wrong.has(keys.updates);
      const state = { ...settled, isFeedOwn };
      isWithoutCheckpoint = state.isUnknown;
      // By no event at all, every row would be one that none explains.
      let slice = isWithoutCheckpoint ? undefined : sliceFrom(begin.from);
      while (slice !== undefined && !signal.aborted) {
        last = await this.#runSlice(slice, begin, feedSince, state);
        slice = sliceAfter(last.fold.slice);
      }
      if (last !== undefined && !signal.aborted) {
        const [tally, sizes] = [this.#tally, this.#sizes];
        await compareSizes({ redis, writes, reader: last, tally, sizes });
      }
      isDone = !signal.aborted;
    } finally {
      // Also of a run that was stopped, or failed: what it has mended is to be seen at once.
      if (writes) await this.#record.end(isDone, this.#tally.inFeed > 0);
    }
    const { place } = await readMoment(redis, keys, STREAM_START, new Map());
    const { differences, mended, written, events, rows, passes, unjudged } = this.#tally;
    return {
      ...{ differences, mended, written, events, rows, passes, unjudged },
      goneTo: place.gone,
      hasCounted: this.#sizes.isKnown,
      hasNewEpoch: this.#record.hasNewEpoch,
      isWithoutCheckpoint,
      isStopped: signal.aborted,
      tookMs: clock.monotonicMs() - this.#startedAtMs,
    };
  }

  #beginning(resume: RunPosition): RunPosition {
    const { writes, isFromStart = false, observer } = this.#options;
    if (!writes || isFromStart || resume.rowsFrom === 0) return RUN_START;
    observer.onResume(resume.rowsFrom / HASHES);
    // What was done before is not counted again.
    this.#sizes.giveUp();
    return resume;
  }

  async #runSlice(
    slice: Slice,
    begin: RunPosition,
    feedSince: StreamId,
    { applied, isFeedOwn }: SettledState,
  ): Promise<SliceReader> {
    const { redis, keys, signal } = this.#options;
    const { checkpoint = STREAM_START, feedEnd } = await readState(redis, keys, FEED_ENTRIES);
    const judge = new FeedJudge(isFeedOwn ? feedEnd : [], isFeedOwn ? feedSince : STREAM_END);
    const unsettled = new Unsettled();
    const reader = await this.#fill(slice, laterStreamId(checkpoint, applied), {
      applied,
      onFilling: (event) => judge.onApplied(event),
      onNamed: (executionId) => unsettled.onNamed(executionId),
    });
    const repair = new SliceRepair({
      ...this.#options,
      ...{ reader, tally: this.#tally, unsettled },
      refuseCommits: () => this.#record.openEpoch(false),
    });
    const { from, to } = reader.fold.slice;
    await repair.rows(begin.rowsFrom, async (hash, part) => {
      await this.#save(from, Math.max(hash, from, begin.rowsFrom));
      this.#progress(reader.fold.slice, FILL_PART + ROWS_PART * part);
    });
    await repair.settleAll();
    if (signal.aborted) return reader;
    await this.#save(from, to);
    await repair.strays();
    await repair.settleAll();
    if (signal.aborted) return reader;
    await repair.feed(judge);
    this.#progress(reader.fold.slice, 1);
    return reader;
  }

  /** Folds the events up to a position, for as much of a slice as fits. */
  async #fill(
    slice: Slice,
    position: StreamId,
    { applied, onFilling, onNamed }: Filling,
  ): Promise<SliceReader> {
    const { redis, keys, signal, maxBytes } = this.#options;
    const [tally, sizes] = [this.#tally, this.#sizes];
    const total = Math.max(1, await redis.xlen(keys.events));
    let read = 0;
    let isFilled = false;
    const reader = new SliceReader({
      ...{ redis, keys, slice, maxBytes, applied, onNamed },
      onEvents: (count) => {
        tally.events += count;
        read += count;
        if (!isFilled) this.#progress(reader.fold.slice, FILL_PART * Math.min(1, read / total));
      },
      onApplied: (event) => {
        if (isFilled) sizes.move(event.before, event.task);
        else onFilling(event);
      },
    });
    await reader.fill(position, signal);
    isFilled = true;
    tally.passes += 1;
    sizes.addSlice(reader.fold.values(), reader.position);
    return reader;
  }

  #progress({ from, to }: Slice, part: number): void {
    this.#tally.progress((from + (to - from) * part) / HASHES);
  }

  async #save(from: number, rowsFrom: number): Promise<void> {
    if (this.#options.writes) await this.#record.save({ from, rowsFrom });
  }
}

interface Filling {
  readonly applied: StreamId;
  /** Told of the events that make the tasks of the slice, before any is compared. */
  readonly onFilling: (applied: Applied) => void;
  readonly onNamed: (executionId: string) => void;
}
