import type { StreamId } from '@tasktrail/contract';

/**
 * Check, repair and rebuild: whether the read model is the fold of the events, and making it that,
 * beside a live projector and the servers. (ARCHITECTURE.md, invariant 1)
 *
 * The events are folded from the first one on, by the projector's own fold, for as many executions
 * as fit in memory at once: those whose hash lies in a slice (`slice.ts`, `slice-fold.ts`). As many
 * passes over the events are made as there are slices.
 *
 * What is compared is one moment of Redis: rows, members and the checkpoint are read in one step,
 * and the fold goes on to exactly that checkpoint first (`slice-reader.ts`, `compare.ts`). So a
 * projector that commits meanwhile makes no false difference.
 *
 * What is wrong is written anew only if, in the step that writes, the row is still the one that was
 * compared and no event of its execution has been looked at since (`mend.ts`). So a live commit
 * always wins, what is written is right at that very moment, and every commit after it folds onto a
 * row that is right; one that had begun before is waited for (`unsettled.ts`, `settling.ts`). All
 * rows of a slice come before the strays of its ordered sets, because a commit onto a wrong row may
 * leave another stray behind.
 *
 * Executions whose first events were trimmed, also while they were read, are not judged by content
 * (`completeness.ts`), nor are those of a stream that was deleted: their rows may be all that is left.
 * Where the checkpoint itself is lost or cannot be, `state.ts` finds out how far events had been
 * applied; keys of another type than their names say are deleted first (`key-types.ts`). `repair-run.ts` is the loop; what it must remember when it is killed is in
 * `repair-record.ts`.
 */

export type DifferenceKind =
  /** The position is not where rows and feed say that events were applied to. */
  | 'checkpoint'
  /** The feed has an end that is no event. */
  | 'feed_ahead'
  | 'row_missing'
  /** No event explains it. */
  | 'row_unexplained'
  | 'row_field'
  /** It cannot be read, and the events that could restore it are gone. */
  | 'row_unreadable'
  /** A key holds another type of value than its name says. */
  | 'wrong_type'
  | 'member_missing'
  | 'member_score'
  /** A member of an ordered set that its row does not demand. */
  | 'member_stray'
  /** A set has another number of members than rows demand, although no member shows it. */
  | 'count'
  | 'feed_entry'
  /** An applied event that is not in the feed. */
  | 'feed_missing'
  /** An entry of the feed that no event explains. */
  | 'feed_unexplained';

/** One way in which the read model is not the fold of the events. */
export interface Difference {
  readonly kind: DifferenceKind;
  readonly key: string;
  /** Null where it is of no single execution. */
  readonly executionId: string | null;
  /** Of a row, or of an entry of the feed, whose id comes before it. */
  readonly field: string | null;
  /** Null where nothing should be there. Scores are milliseconds since 1970. */
  readonly expected: string | number | null;
  /** Null where nothing is there. */
  readonly found: string | number | null;
}

/** What is done with differences. */
export type RepairMode =
  /** Nothing: they are told. */
  | 'check'
  | 'repair'
  /** Besides, what does not differ is written anew, too. */
  | 'rebuild';

export interface RepairProgress {
  /** Of the whole, from 0 to 1. */
  readonly part: number;
  /** Events read, each as often as it was. */
  readonly events: number;
  /** Executions that were compared, or written. */
  readonly rows: number;
}

/** What a run tells while it goes on. */
export interface RepairObserver {
  onDifference(difference: Difference, isMended: boolean): void | Promise<void>;
  onProgress(progress: RepairProgress): void;
  /** An interrupted run is continued; `part` of it was done, from 0 to 1. */
  onResume(part: number): void;
  /** Nothing says how far events were applied: a projector is waited for, so long at most. */
  onWait(maxMs: number): void;
}

/** The last id that there can be: where events are gone up to it, all of them may be. */
export const STREAM_END = '18446744073709551615-18446744073709551615' as StreamId;

export interface RepairOutcome {
  readonly differences: number;
  /** Of these. */
  readonly mended: number;
  /** Rows that are written anew in a rebuild, differing or not. */
  readonly written: number;
  readonly events: number;
  readonly rows: number;
  readonly passes: number;
  /** Rows whose content cannot be judged, because events before `goneTo` are gone. */
  readonly unjudged: number;
  readonly goneTo: StreamId | undefined;
  /** Whether the sizes of all sets could be compared. */
  readonly hasCounted: boolean;
  /** Whether a new epoch was opened, so that every client reloads. */
  readonly hasNewEpoch: boolean;
  /** There are events, and nothing says how far they were applied: a projector has to begin. */
  readonly isWithoutCheckpoint: boolean;
  /** Stopped before its end. */
  readonly isStopped: boolean;
  readonly tookMs: number;
}

/** Redis went back under a run: what was folded cannot be gone on from. */
export class EventsReplacedError extends Error {
  override readonly name = 'EventsReplacedError';

  /** @param sign by what that is known */
  constructor(sign: string) {
    super(
      `${sign}: Redis lost its tail, was emptied, restored or changed by hand meanwhile. Run this ` +
        'again: nothing was left half done',
    );
  }
}

/** What is to be compared with cannot be read: another program writes to its key. */
export class WrongSourceError extends Error {
  override readonly name = 'WrongSourceError';
  readonly key: string;
  readonly type: string;

  constructor(key: string, type: string) {
    super(
      `${key} holds a ${type}, not a stream, so that nothing can be appended to it: find out what ` +
        `wrote it, then move it away (RENAME ${key} ${key}:moved) and run this again`,
    );
    this.key = key;
    this.type = type;
  }
}
