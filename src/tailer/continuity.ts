import { compareStreamIds, STREAM_START, type StreamId } from '@tasktrail/contract';

/** What a tailer knows of the history that it follows. */
export interface KnownHistory {
  readonly epoch: string;
  /** The change that was read last; undefined before the first one. */
  readonly last: StreamId | undefined;
  /** Entries that the feed had lost from its front; what matters until a change has been read. */
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
  /** Entries that the feed has lost from its front. */
  readonly trimmed: number;
  /** Whether the change that was read last is still in the feed. */
  readonly holdsLast: boolean;
  /** The first change after that one. */
  readonly next: StreamId | undefined;
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
  return { kind: judgePrefix(known, stored) };
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
  /** Entries that the feed has lost from its front. */
  readonly trimmed: number;
  readonly head: StreamId;
}

/**
 * The changes to begin with, oldest first, and the position that they follow without a gap.
 *
 * @param wanted how many at most
 */
export function beginFrom<E extends { readonly id: StreamId }>(
  { entries, corruptAt, trimmed, head }: FeedTail<E>,
  wanted: number,
): { readonly entries: readonly E[]; readonly floor: StreamId } {
  const oldestFirst = entries.toReversed();
  const isMore = entries.length > wanted;
  if (!isMore && corruptAt !== undefined) return { entries: oldestFirst, floor: corruptAt };
  if (!isMore && trimmed === 0) return { entries: oldestFirst, floor: STREAM_START };
  // The oldest entry serves as the floor: what came right before it is unknown.
  const [oldest, ...rest] = oldestFirst;
  return { entries: rest, floor: oldest?.id ?? head };
}
