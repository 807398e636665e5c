import { compareStreamIds, laterStreamId, STREAM_START, type StreamId } from '@tasktrail/contract';

/** What a tailer knows of the history that it follows. */
export interface KnownHistory {
  readonly epoch: string;
  /** The change that was read last; undefined before the first one. */
  readonly last: StreamId | undefined;
  /** Changes that had been written and were not in the feed; what matters until a change has been read. */
  readonly trimmed: number;
  /** Everything up to here has been read. */
  readonly head: StreamId;
}

/** What Redis holds, read in one step. */
export interface StoredHistory {
  readonly epoch: string | undefined;
  /** The epochs whose place the stored one took, as far back as they are kept. */
  readonly formerEpochs: readonly string[];
  readonly checkpoint: StreamId | undefined;
  /** The first entry of the feed. */
  readonly first: StreamId | undefined;
  /** Changes that were written and are not in the feed. */
  readonly trimmed: number;
  /** Whether the change that was read last is still in the feed. */
  readonly holdsLast: boolean;
  /** The first change after that one. */
  readonly next: StreamId | undefined;
  /** Where the feed ends, after everything that was read; undefined where there may be more. */
  readonly end: StreamId | undefined;
  /** The change that was written last; undefined where none was, or by an earlier version. */
  readonly lastChange: StreamId | undefined;
}

export type Continuity =
  | { readonly kind: 'continued' }
  /** Somebody replaced the epoch properly: follow the new one. */
  | { readonly kind: 'replaced' }
  /** Changes that were read are gone: the stored epoch must be replaced, once. */
  | { readonly kind: 'lost' }
  /** The same epoch, and nothing known to be lost, but nothing proves it. */
  | { readonly kind: 'unproven' };

/**
 * Whether what Redis holds is the history that was followed, grown. (PROTOCOL.md, "Positions")
 *
 * Ids cannot show it: new ones soon pass lost ones. What shows it is the prefix. Replication and
 * the append-only file lose only tails, so while the change that was read last is in the feed,
 * nothing before it is missing. Where it was trimmed from the front, nothing can be proven.
 *
 * Another epoch is followed only if it took the place of the one that was followed. Otherwise it
 * may have come back with a backup, and its cursors, from before, must not become valid again.
 */
export function judgeContinuity(known: KnownHistory, stored: StoredHistory): Continuity {
  if (stored.epoch !== known.epoch) {
    return { kind: stored.formerEpochs.includes(known.epoch) ? 'replaced' : 'lost' };
  }
  if (wentBack(known, stored)) return { kind: 'lost' };
  const proof = judgePrefix(known, stored);
  if (proof === 'continued' && isEndMissing(known, stored)) return { kind: 'unproven' };
  return { kind: proof };
}

/** Whether a change was written and is gone before it was read, by which nothing was told of it. */
function isEndMissing(
  known: KnownHistory,
  { checkpoint, end, lastChange }: StoredHistory,
): boolean {
  if (end === undefined || !isWritten(lastChange, checkpoint ?? STREAM_START)) return false;
  return compareStreamIds(lastChange, laterStreamId(known.head, end)) > 0;
}

/** One that is after the checkpoint says nothing: that was set back since. */
function isWritten(lastChange: StreamId | undefined, head: StreamId): lastChange is StreamId {
  return lastChange !== undefined && compareStreamIds(lastChange, head) <= 0;
}

function judgePrefix(
  known: KnownHistory,
  stored: StoredHistory,
): 'continued' | 'unproven' | 'lost' {
  if (known.last === undefined) {
    if (stored.trimmed === known.trimmed) return 'continued';
    return stored.trimmed > known.trimmed ? 'unproven' : 'lost';
  }
  if (stored.holdsLast) return 'continued';
  const isLastBeforeFeed =
    stored.first !== undefined && compareStreamIds(stored.first, known.last) > 0;
  return isLastBeforeFeed ? 'unproven' : 'lost';
}

/** The head covers events that changed nothing, whose loss the feed cannot show. */
function wentBack(known: KnownHistory, stored: StoredHistory): boolean {
  const { checkpoint, next } = stored;
  const isCheckpointBehind = compareStreamIds(checkpoint ?? STREAM_START, known.head) < 0;
  return isCheckpointBehind || (next !== undefined && compareStreamIds(next, known.head) <= 0);
}

/** The end of the feed as it was read to fill the hub. */
export interface FeedTail<E extends { readonly id: StreamId }> {
  /** Newest first; one more than are wanted, where there are so many. */
  readonly entries: readonly E[];
  /** The newest one, also where it cannot be read. */
  readonly newest: StreamId | undefined;
  /** The entry that cannot be read and ends `entries`; what is before it is void. */
  readonly corruptAt: StreamId | undefined;
  /** Changes that were written and are not in the feed. */
  readonly trimmed: number;
  /** The change that was written last; undefined where none was, or by an earlier version. */
  readonly lastChange: StreamId | undefined;
  /** The highest id that was deleted from the feed one by one, as no trimming does. */
  readonly maxDeleted: StreamId | undefined;
  readonly head: StreamId;
}

/** Changes to begin with, oldest first, and the position that they follow without a gap. */
export interface Beginning<E> {
  readonly entries: readonly E[];
  readonly floor: StreamId;
}

/** @param wanted how many changes at most */
export function beginFrom<E extends { readonly id: StreamId }>(
  tail: FeedTail<E>,
  wanted: number,
): Beginning<E> {
  const { entries, floor } = beginAtFront(tail, wanted);
  const hole = latestHole(tail);
  return {
    entries: entries.filter(({ id }) => compareStreamIds(id, hole) > 0),
    floor: laterStreamId(floor, hole),
  };
}

function beginAtFront<E extends { readonly id: StreamId }>(
  { entries, corruptAt, trimmed, head }: FeedTail<E>,
  wanted: number,
): Beginning<E> {
  const oldestFirst = entries.toReversed();
  const isMore = entries.length > wanted;
  if (!isMore && corruptAt !== undefined) return { entries: oldestFirst, floor: corruptAt };
  if (!isMore && trimmed === 0) return { entries: oldestFirst, floor: STREAM_START };
  // The oldest entry serves as the floor: what came right before it is unknown.
  const [oldest, ...rest] = oldestFirst;
  return { entries: rest, floor: oldest?.id ?? head };
}

/** The latest position up to which changes are missing that were not trimmed from the front. */
function latestHole<E extends { readonly id: StreamId }>(tail: FeedTail<E>): StreamId {
  const { newest = STREAM_START, lastChange, maxDeleted = STREAM_START, head } = tail;
  const isEndMissing = isWritten(lastChange, head) && compareStreamIds(newest, lastChange) < 0;
  return isEndMissing || compareStreamIds(maxDeleted, head) > 0 ? head : maxDeleted;
}
