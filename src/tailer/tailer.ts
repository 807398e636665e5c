import type { Position, StreamId, TaskChange } from '@tasktrail/contract';

/**
 * The tailer: follows the change feed and proves, with every read, that the history it follows is
 * still the same one.
 *
 * `continuity.ts` decides whether the history went on, was replaced or cannot be proven;
 * `feed-reader.ts` reads feed, checkpoint and epoch in one step of Redis; `tailer-service.ts` is
 * the loop: a blocking read is only its doorbell, so that what it reads always comes with proof.
 */
export interface FeedEntry {
  readonly id: StreamId;
  readonly change: TaskChange;
}

/**
 * Why the sink begins anew: the process started, the history was replaced, or it is the same one
 * but nothing proves that no change is missing.
 */
export type ResetCause = 'start' | 'epoch' | 'resync';

/** Where the tailer brings what it reads. Calls come one at a time. */
export interface FeedSink {
  /**
   * What came before is void.
   *
   * @param floor the latest position whose change is not in `entries`
   * @param head everything up to here is in `entries` or changed no task
   */
  reset(entries: readonly FeedEntry[], floor: StreamId, head: Position, cause: ResetCause): void;
  /** The next changes of the history, and the position up to which it has been read. */
  advance(entries: readonly FeedEntry[], head: Position): void;
}

/** What the tailer tells whoever measures it. */
export interface TailerObserver {
  onReset(cause: ResetCause): void;
  /** The loop broke off and begins again. */
  onRestart(): void;
}
