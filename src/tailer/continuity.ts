import { compareStreamIds, STREAM_START, type StreamId } from '@tasktrail/contract';

/** What a tailer knows of the history that it follows. */
export interface KnownHistory {
  readonly epoch: string;
  /** The change that was read last; undefined before the first one. */
  readonly last: StreamId | undefined;
  /** Everything up to here has been read. */
  readonly head: StreamId;
}

/** What Redis holds, read in one step. */
export interface StoredHistory {
  readonly epoch: string | undefined;
  /** The epoch that the stored one took the place of. */
  readonly replacedEpoch: string | undefined;
  readonly checkpoint: StreamId | undefined;
  /** The first entry of the feed. */
  readonly first: StreamId | undefined;
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
 */
export function judgeContinuity(known: KnownHistory, stored: StoredHistory): Continuity {
  if (stored.epoch === undefined) return { kind: 'lost' };
  const isProven = known.last === undefined || stored.holdsLast;
  if (stored.epoch !== known.epoch) {
    // An epoch that took the place of ours was put there by another server. Any other may be an
    // old one that came back with a backup, and cursors of it must not become valid again.
    return stored.replacedEpoch === known.epoch || isProven
      ? { kind: 'replaced' }
      : { kind: 'lost' };
  }
  if (wentBack(known, stored)) return { kind: 'lost' };
  if (isProven) return { kind: 'continued' };
  const wasTrimmed =
    known.last !== undefined &&
    stored.first !== undefined &&
    compareStreamIds(stored.first, known.last) > 0;
  return { kind: wasTrimmed ? 'unproven' : 'lost' };
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
  /** Whether the feed has ever lost an entry from its front. */
  readonly wasTrimmed: boolean;
  readonly head: StreamId;
}

/**
 * The changes to begin with, oldest first, and the position that they follow without a gap.
 *
 * @param wanted how many at most
 */
export function beginFrom<E extends { readonly id: StreamId }>(
  { entries, wasTrimmed, head }: FeedTail<E>,
  wanted: number,
): { readonly entries: readonly E[]; readonly floor: StreamId } {
  const oldestFirst = entries.toReversed();
  const isMore = entries.length > wanted;
  if (!isMore && !wasTrimmed) return { entries: oldestFirst, floor: STREAM_START };
  // The oldest entry serves as the floor: what came right before it is unknown.
  const [oldest, ...rest] = oldestFirst;
  return { entries: rest, floor: oldest?.id ?? head };
}
