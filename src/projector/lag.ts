import {
  compareStreamIds,
  parseStreamId,
  STREAM_START,
  type StreamId,
  streamIdTimeMs,
} from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import type { Keys } from '../redis/keys.ts';

/** How far the read model is behind the events. */
export interface Lag {
  readonly events: number;
  /** Age of the oldest event that waits, in milliseconds; 0 when none does. */
  readonly ms: number;
}

/** What a lag is computed from, read in one go. */
export interface LagReading {
  /** Entries that there have ever been, of streams before it, too, and that there are now. */
  readonly entriesAdded: number;
  readonly length: number;
  /** Entries that all commits together have read. */
  readonly entriesRead: number;
  /** The first entry after the checkpoint. */
  readonly oldestWaiting: StreamId | undefined;
}

/**
 * Counted from what was added and what was read, because the stream's own lag is wrong once
 * entries were trimmed or deleted. (redis #13957) Entries deleted before they were read would
 * count for ever, so nothing waiting means 0, and the stream's length is the most that can wait.
 */
export function lagOf(reading: LagReading, nowMs: number): Lag {
  if (reading.oldestWaiting === undefined) return { events: 0, ms: 0 };
  const unread = reading.entriesAdded - reading.entriesRead;
  return {
    events: Math.min(Math.max(1, unread), reading.length),
    ms: Math.max(0, nowMs - streamIdTimeMs(reading.oldestWaiting)),
  };
}

/**
 * Also where the checkpoint is ahead of the stream, so that nothing comes after it: then at least one
 * event counts as waiting. Which one is the oldest is known where nothing of the stream was read.
 */
export async function readLag(redis: Redis, keys: Keys): Promise<LagReading> {
  const fields = ['checkpoint', 'entriesRead', 'eventsAccount'] as const;
  const [checkpointText, read, account] = await redis.hmget(keys.projector, ...fields);
  const checkpoint = parseStreamId(checkpointText ?? '') ?? STREAM_START;
  const entriesRead = Number(read ?? 0);
  const [length, [firstWaiting]] = await Promise.all([
    redis.xlen(keys.events),
    redis.xrange(keys.events, `(${checkpoint}`, '+', 'COUNT', 1),
  ]);
  if (length === 0) return { length, entriesAdded: 0, entriesRead, oldestWaiting: undefined };
  const stream = await readStream(redis, keys.events);
  const entriesAdded = stream.entriesAdded + addedBefore(account ?? '', stream.entriesAdded);
  let oldestWaiting = parseStreamId(firstWaiting?.[0] ?? '');
  if (compareStreamIds(stream.last, checkpoint) < 0) {
    const isAllUnread = entriesAdded - entriesRead >= length;
    oldestWaiting = isAllUnread ? await firstOf(redis, keys.events) : stream.last;
  }
  return { length, entriesAdded, entriesRead, oldestWaiting };
}

async function firstOf(redis: Redis, stream: string): Promise<StreamId | undefined> {
  const [first] = await redis.xrange(stream, '-', '+', 'COUNT', 1);
  return parseStreamId(first?.[0] ?? '');
}

/** Entries of the streams that were deleted before this one, by the account of all events. */
function addedBefore(account: string, added: number): number {
  const [seen = 0, before = 0] = account.split(' ').map((text) => Number(text) || 0);
  return added < seen ? before + seen : before;
}

async function readStream(
  redis: Redis,
  stream: string,
): Promise<{ readonly entriesAdded: number; readonly last: StreamId }> {
  const info = (await redis.xinfo('STREAM', stream)) as unknown[];
  const of = (name: string) => info[info.indexOf(name) + 1];
  const last = parseStreamId(String(of('last-generated-id'))) ?? STREAM_START;
  return { entriesAdded: Number(of('entries-added')), last };
}
