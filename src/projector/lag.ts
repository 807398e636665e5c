import { STREAM_START, type StreamId, streamIdTimeMs } from '@tasktrail/contract';
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
  /** Entries that the stream has ever had, and that it has now. */
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

export async function readLag(redis: Redis, keys: Keys): Promise<LagReading> {
  const [checkpoint, entriesRead] = await redis.hmget(keys.projector, 'checkpoint', 'entriesRead');
  const [length, waiting] = await Promise.all([
    redis.xlen(keys.events),
    redis.xrange(keys.events, `(${checkpoint ?? STREAM_START}`, '+', 'COUNT', 1),
  ]);
  return {
    length,
    entriesAdded: length === 0 ? 0 : await readEntriesAdded(redis, keys.events),
    entriesRead: Number(entriesRead ?? 0),
    oldestWaiting: waiting[0]?.[0] as StreamId | undefined,
  };
}

async function readEntriesAdded(redis: Redis, stream: string): Promise<number> {
  const info = (await redis.xinfo('STREAM', stream)) as unknown[];
  return Number(info[info.indexOf('entries-added') + 1]);
}
