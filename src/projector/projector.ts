import { compareStreamIds, STREAM_START, type StreamId } from '@tasktrail/contract';

/**
 * The projector: applies events, in stream order and exactly once, to the read model.
 *
 * `fold.ts` decides what one event does to one task; `plan.ts` turns a batch of events and the
 * rows they touch into writes; both are pure. `commit.ts` sends the writes as one script that is
 * guarded by the checkpoint, so that a batch is applied whole or not at all and a second projector
 * running at the same time is harmless. `lease.ts` keeps that second one idle, to save its work
 * and nothing more. `projector-service.ts` is the loop.
 *
 * `checkpoint-ahead.ts` refuses to go on where events would be skipped.
 *
 * Beside it `trim-service.ts` trims events and feed: `trim.lua` decides how far, since it alone sees
 * the checkpoint of that very moment. `removals.ts` tells what others trimmed. What an older program
 * stored is brought to today's layout by `migrations.ts`, before the first event is applied.
 */

/** Where the projector has got to, as stored beside the read model. */
export interface ProjectorState {
  /** The last event that was looked at; undefined before the first. */
  readonly checkpoint: StreamId | undefined;
  /** The history that the checkpoint belongs to; undefined until a server has named it. */
  readonly epoch: string | undefined;
}

/**
 * Whether what was committed is gone: the checkpoint went back in the same history, as where Redis
 * lost a tail. Servers see that by the feed, and so does this, where no server runs meanwhile.
 */
export function isHistoryLost(committed: ProjectorState, stored: ProjectorState): boolean {
  if (committed.epoch === undefined || stored.epoch !== committed.epoch) return false;
  const { checkpoint = STREAM_START } = stored;
  return compareStreamIds(checkpoint, committed.checkpoint ?? STREAM_START) < 0;
}

/** What became of the events of one commit. */
export interface OutcomeCounts {
  readonly applied: number;
  readonly duplicate: number;
  readonly stale: number;
  readonly quarantined: number;
}

/** What the projector tells whoever measures it. Durations are milliseconds. */
export interface ProjectorObserver {
  onCommit(counts: OutcomeCounts, durationMs: number): void;
  /** Somebody else moved the checkpoint first; the batch was refused and is read again. */
  onConflict(): void;
  onQuarantined(id: StreamId, reason: string, field: string): void;
}

/** What trimming tells whoever measures it, in entries. */
export interface TrimObserver {
  onTrimmed(events: number, changes: number): void;
  /** Events are gone that something else trimmed or deleted; `lost` of them were never applied. */
  onRemoved(removed: number, lost: number): void;
}
