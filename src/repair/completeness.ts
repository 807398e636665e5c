import {
  compareStreamIds,
  laterStreamId,
  STREAM_START,
  type StreamId,
  streamIdTimeMs,
} from '@tasktrail/contract';
import { STREAM_END } from './repair.ts';

/** What Redis says of events that are no longer in their stream. */
export interface RemovalSigns {
  readonly checkpoint: StreamId | undefined;
  /** A checkpoint that the projector found ahead of the events. */
  readonly checkpointAhead: StreamId | undefined;
  /** Whether the checkpoint's own event is there: the projector's trimming leaves it. */
  readonly holdsCheckpoint: boolean;
  /** Whether there is a stream of events at all. */
  readonly isThere: boolean;
  /** Its first entry; undefined where it is empty. */
  readonly first: StreamId | undefined;
  /** The last id that it gave. */
  readonly lastGiven: StreamId | undefined;
  /** How many entries were ever added to it. */
  readonly added: number;
  /** How many of these are gone. */
  readonly removed: number;
  /** The highest id that XDEL took. */
  readonly deletedTo: StreamId | undefined;
  /** To where the projector has trimmed. */
  readonly trimmedTo: StreamId | undefined;
  /** How many entries were read by commits, of this stream and of those before it. */
  readonly entriesRead: number;
  /** How many were added to it when the projector counted them last. */
  readonly seen: number;
  /** How many were added to streams before it, by the same account. */
  readonly before: number;
}

/** Which events are not there to explain a row. */
export interface Removals {
  /** The position from which on every event is still there; undefined where none was removed. */
  readonly gone: StreamId | undefined;
  /** Whether the stream took the place of another one, whose ids may have been any. */
  readonly isAnew: boolean;
  /** The first event that is there; undefined where none is. */
  readonly first: StreamId | undefined;
}

/** What was removed, by all that tells of it. */
export function removalsOf(signs: RemovalSigns): Removals {
  return { gone: goneTo(signs), isAnew: isBegunAnew(signs), first: signs.first };
}

type CheckpointSigns = Pick<
  RemovalSigns,
  'checkpoint' | 'checkpointAhead' | 'isThere' | 'lastGiven'
>;

/**
 * Whether the checkpoint is of an event that its stream has not given yet, or had not when a projector
 * came upon it: events that were not applied may have reached it since.
 */
export function isBeyond(signs: CheckpointSigns): boolean {
  const { checkpoint, checkpointAhead, isThere, lastGiven } = signs;
  if (checkpoint === undefined || !isThere) return false;
  if (checkpoint === checkpointAhead) return true;
  return compareStreamIds(checkpoint, lastGiven ?? STREAM_START) > 0;
}

/**
 * Whether an earlier stream was deleted, or another one restored in its place. The stream itself does
 * not tell: more was read than was ever added to it, also where no projector ran to count that.
 */
function isBegunAnew({ isThere, added, entriesRead, seen, before }: RemovalSigns): boolean {
  return !isThere || before > 0 || added < seen || entriesRead > before + added;
}

/**
 * The position from which on every event is still there; undefined where none was ever removed.
 * Asked of the stream and not of the projector alone, because a producer may have trimmed; and of the
 * projector, because a stream that was deleted does not tell that it ever was.
 */
function goneTo(signs: RemovalSigns): StreamId | undefined {
  const { isThere, first, lastGiven, removed, deletedTo, trimmedTo } = signs;
  const isAnew = isBegunAnew(signs);
  if (!isThere || (isAnew && first === undefined)) return STREAM_END;
  const bounds = [trimmedTo, deletedTo];
  // One that was never given says nothing, unless it was of another stream.
  const isTrusted = isAnew || !isBeyond(signs);
  if (!signs.holdsCheckpoint && isTrusted) bounds.push(signs.checkpoint);
  if (removed > 0 || isAnew) bounds.push(first ?? lastGiven);
  const to = bounds.reduce<StreamId>(
    (last, bound) => laterStreamId(last, bound ?? STREAM_START),
    STREAM_START,
  );
  return to === STREAM_START ? undefined : to;
}

/** How far `occurredAt` may be ahead of its entry's id. (PROTOCOL.md, "The event") */
const MAX_AHEAD_MS = 24 * 60 * 60 * 1000;

/**
 * Whether all events of an execution are surely still there, so that its fold is what the row must
 * be.
 *
 * `createdAt` is the `occurredAt` of the first event, which is at most 24 h after the time of that
 * event's id. A row that was created more than 24 h after the position to which events are gone
 * therefore began after it. The reverse is not known, since a producer may tell of times long past:
 * of rows around that position some are not judged although they could be, and none is judged by a
 * part of its events.
 *
 * @param createdAt as the row says; undefined where it says none
 */
export function isComplete(createdAt: string | undefined, gone: StreamId | undefined): boolean {
  if (gone === undefined) return true;
  return Date.parse(createdAt ?? '') - MAX_AHEAD_MS > streamIdTimeMs(gone);
}

/** What a row says of the events that made it; undefined where it does not. */
export interface RowClaims {
  readonly createdAt: string | undefined;
  readonly lastEventId: StreamId | undefined;
}

/**
 * Whether a row may be of events that are gone: then it may be all that is left of them, and is
 * neither removed nor written anew.
 *
 * @param lastFolded the last event that the events which are there made a change of
 */
export function mayBeOfGone(
  { createdAt, lastEventId }: RowClaims,
  lastFolded: StreamId | undefined,
  { gone, isAnew, first }: Removals,
): boolean {
  if (!isComplete(createdAt, gone)) return true;
  if (lastFolded === undefined) {
    // An earlier stream is known of by its rows alone, where the projector's account is lost as well.
    return isAnew || (lastEventId !== undefined && isBefore(lastEventId, first));
  }
  return isAnew && lastEventId !== undefined && isBefore(lastFolded, lastEventId);
}

function isBefore(id: StreamId, other: StreamId | undefined): boolean {
  return other === undefined || compareStreamIds(id, other) < 0;
}
