import { parseStreamId, type StreamId, streamIdTimeMs } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import type { Keys } from '../redis/keys.ts';

/** How much the streams hold, in entries. */
export interface StreamSizes {
  readonly events: number;
  readonly updates: number;
  readonly quarantine: number;
  readonly oldestEvent: StreamId | undefined;
}

export async function readStreamSizes(redis: Redis, keys: Keys): Promise<StreamSizes> {
  const [events, updates, quarantine, oldest] = await Promise.all([
    redis.xlen(keys.events),
    redis.xlen(keys.updates),
    redis.xlen(keys.quarantine),
    redis.xrange(keys.events, '-', '+', 'COUNT', 1),
  ]);
  return { events, updates, quarantine, oldestEvent: parseStreamId(oldest[0]?.[0] ?? '') };
}

/** In milliseconds; 0 where there is no event, or one of a clock that is ahead. */
export function oldestAgeMs({ oldestEvent }: StreamSizes, nowMs: number): number {
  return oldestEvent === undefined ? 0 : Math.max(0, nowMs - streamIdTimeMs(oldestEvent));
}
