import type { Redis } from 'ioredis';
import { type Keys, LAYOUT_VERSION } from '../redis/keys.ts';
import { loadScript, runScript } from '../redis/script.ts';

const TRIM = loadScript('trim');

/** What is kept whatever happens. */
export interface TrimLimits {
  /** Changes that stay in the feed; a node of the stream more, which Redis frees as a whole. */
  readonly feedMaxLength: number;
  /** How long an applied event is kept, in milliseconds; undefined: for ever. */
  readonly retentionMs: number | undefined;
}

/** What one step trimmed, in entries. */
export interface TrimStep {
  readonly events: number;
  readonly changes: number;
  /** Whether there may be more to trim now. */
  readonly isMore: boolean;
}

/**
 * Entries of each stream that one step trims at most: a step takes some 50 µs, and 3 ms where every
 * entry is as large as it may be. A node of a stream has 100, unless Redis was told otherwise.
 */
const STEP_ENTRIES = 1000;

/**
 * Trims a part of what may be trimmed now: never an event that was not applied, nor one that is
 * younger than the retention, by the clock of Redis and by `nowMs` (milliseconds since 1970).
 *
 * @param holder who asks; undefined is returned unless that one holds the lease, and while nothing
 *   was applied
 */
export async function trimStep(
  redis: Redis,
  keys: Keys,
  holder: string,
  { feedMaxLength, retentionMs }: TrimLimits,
  nowMs: number,
): Promise<TrimStep | undefined> {
  const names = [keys.projector, keys.lease, keys.events, keys.updates];
  const args = [holder, LAYOUT_VERSION, STEP_ENTRIES, feedMaxLength, retentionMs ?? '', nowMs];
  const reply = await runScript(redis, TRIM, names, args);
  if (reply === null) return undefined;
  const [events, changes, isMore] = reply as [number, number, number];
  return { events, changes, isMore: isMore === 1 };
}
