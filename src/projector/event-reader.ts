import { isUtf8 } from 'node:buffer';
import { MAX_ENTRY_BYTES, parseStreamId, type StreamId } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { loadScript, runScript } from '../redis/script.ts';

const READ_EVENTS = loadScript('read-events');

/** An entry of the stream of events, as far as it can be looked at. */
export interface EventEntry {
  readonly id: StreamId;
  /** Field, value, field, value … as they were appended; empty for an entry that is too large. */
  readonly pairs: readonly string[];
  /** Why the pairs cannot be trusted: too many bytes to be fetched, or bytes that are no UTF-8. */
  readonly flaw: 'too_large' | 'not_utf8' | undefined;
}

/** Bytes of one batch: what it may take to arrive, and what it may hold in memory. */
const MAX_BATCH_BYTES = 4 * 1024 * 1024;

/**
 * The next events after an id, in stream order. They are read on the connection that commits them:
 * on another one they could be of a node that was failed over, and the checkpoint would pass events
 * that are only where it is stored.
 *
 * @param count at most so many
 */
export async function readEventsAfter(
  redis: Redis,
  stream: string,
  after: StreamId,
  count: number,
): Promise<EventEntry[]> {
  const bounds = [after, count, MAX_ENTRY_BYTES, MAX_BATCH_BYTES];
  const reply = await runScript(redis, READ_EVENTS, [stream], bounds);
  if (reply === '') return [];
  const replies = JSON.parse(reply as string) as EntryReply[];
  const entries = replies.map(toEntry);
  // Bytes that are no UTF-8 arrive as U+FFFD, which may also be what was appended: only the bytes
  // themselves tell.
  if (!(reply as string).includes('\ufffd')) return entries;
  return Promise.all(entries.map((entry) => judgeBytes(redis, stream, entry)));
}

/** As the header of read-events.lua says. */
type EntryReply = [id: string, pairs?: string[]];

function toEntry([idText, pairs]: EntryReply): EventEntry {
  const id = parseStreamId(idText);
  if (id === undefined) throw new TypeError(`Redis named an entry ${idText}`);
  return pairs === undefined
    ? { id, pairs: [], flaw: 'too_large' }
    : { id, pairs, flaw: undefined };
}

async function judgeBytes(redis: Redis, stream: string, entry: EventEntry): Promise<EventEntry> {
  const isDoubtful = entry.pairs.some((text) => text.includes('\ufffd'));
  const isText = !isDoubtful || (await areTexts(redis, stream, entry.id));
  return isText ? entry : { ...entry, flaw: 'not_utf8' };
}

async function areTexts(redis: Redis, stream: string, id: StreamId): Promise<boolean> {
  const entries = await redis.xrangeBuffer(stream, id, id);
  return entries.every(([, pairs]) => pairs.every((bytes) => isUtf8(bytes)));
}
