import { STREAM_START, type StreamId } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { LONGEST_READ_MS } from '../redis/blocking-reader.ts';
import type { Keys } from '../redis/keys.ts';
import type { Clock } from '../runtime/clock.ts';
import { sleep } from '../runtime/retry.ts';
import type { Difference, RepairObserver } from './repair.ts';
import {
  type AppliedTo,
  findApplied,
  readState,
  restoreApplied,
  type StoredState,
} from './state.ts';
import type { Tally } from './tally.ts';

/** How far events are applied, once that is settled. */
export interface SettledState {
  /** A position that they are known to be applied to, where the checkpoint may be behind it. */
  readonly applied: StreamId;
  /** Whether the feed has anything to do with the events. */
  readonly isFeedOwn: boolean;
  /** Whether there are events, and nothing said which of them were applied. */
  readonly isUnknown: boolean;
}

/** How often a lost checkpoint is looked at again that a projector moves meanwhile. */
const MAX_TRIES = 100;

/** How long a projector may take to see that its checkpoint is gone, and to begin anew. */
const PROJECTOR_WAIT_MS = LONGEST_READ_MS + 3000;
const POLL_MS = 50;

const SOUND: SettledState = { applied: STREAM_START, isFeedOwn: true, isUnknown: false };

export interface StateOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly writes: boolean;
  readonly tally: Tally;
  readonly observer: RepairObserver;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Restores a checkpoint that was lost or cannot be one, as of an event that the stream has not given
 * yet; takes away a feed that is ahead of it; or tells it. Where
 * nothing is left that tells of a checkpoint, only a projector can begin anew: what is no valid event
 * has to be quarantined on the way.
 */
export async function settleState(options: StateOptions): Promise<SettledState> {
  const { redis, keys, writes, tally } = options;
  let isFeedOwn = true;
  for (let tries = 1; ; tries += 1) {
    const stored = await readState(redis, keys, 1);
    // A feed that is not of these events says nothing of how far they are applied.
    const state = isFeedOwn ? stored : { ...stored, feedEnd: [] };
    const applied = await findApplied(redis, keys, state);
    if (applied.kind === 'checkpoint') return { ...SOUND, isFeedOwn };
    if (applied.kind === 'nothing_known') {
      if ((await redis.xlen(keys.events)) === 0) return { ...SOUND, isFeedOwn };
      if (writes && tries < MAX_TRIES && (await hasBegun(options))) continue;
      return { ...SOUND, isFeedOwn, isUnknown: true };
    }
    const isMended = writes && (await restoreApplied(redis, keys, state, applied));
    // The projector was first: what it has done meanwhile decides.
    if (writes && !isMended && tries < MAX_TRIES) continue;
    await tally.tell(differenceOf(applied, state, keys), isMended);
    if (applied.kind === 'further') return { ...SOUND, isFeedOwn, applied: applied.id };
    if (applied.kind === 'foreign_feed') isFeedOwn = false;
    else if (!isMended) return { ...SOUND, isFeedOwn, isUnknown: true };
  }
}

function differenceOf(
  applied: Exclude<AppliedTo, { readonly kind: 'checkpoint' | 'nothing_known' }>,
  { found: text }: StoredState,
  keys: Keys,
): Difference {
  const found = text === '' ? null : text;
  if (applied.kind === 'foreign_feed') {
    const of = { key: keys.updates, executionId: null, field: null };
    return { kind: 'feed_ahead', ...of, expected: found, found: applied.last };
  }
  const of = { key: keys.projector, executionId: null, field: 'checkpoint' };
  return {
    kind: 'checkpoint',
    ...of,
    expected: applied.kind === 'reset' ? null : applied.id,
    found,
  };
}

/** Waits for a projector that runs to begin with the first event; whether one did. */
async function hasBegun({ redis, keys, observer, clock, signal }: StateOptions): Promise<boolean> {
  observer.onWait(PROJECTOR_WAIT_MS);
  const deadlineMs = clock.monotonicMs() + PROJECTOR_WAIT_MS;
  while (!signal.aborted && clock.monotonicMs() < deadlineMs) {
    if ((await redis.hget(keys.projector, 'checkpoint')) !== null) return true;
    await sleep(POLL_MS, signal);
  }
  return false;
}
