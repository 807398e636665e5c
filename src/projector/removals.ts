import type { Redis } from 'ioredis';
import { type Keys, LAYOUT_VERSION } from '../redis/keys.ts';
import { loadScript, runScript } from '../redis/script.ts';

const ACCOUNT_EVENTS = loadScript('account-events');

/** Events that something else than the projector trimmed or deleted, counted in entries. */
export interface Removals {
  readonly removed: number;
  /** How many of them had not been applied, as far as it is known yet. */
  readonly lost: number;
}

/** What the account of all events says. */
export interface RemovalsReading {
  /** Since there is a read model. */
  readonly total: Removals;
  /** As it was at the reading before, by whichever projector. */
  readonly before: Removals;
  /** Whether the whole stream was deleted in between and begun anew. */
  readonly isAnew: boolean;
  /** The highest id that XDEL took; one that stays says that it was XTRIM, or XADD with MAXLEN. */
  readonly maxDeletedId: string;
}

/** Nothing, where there is nothing to be counted from. */
const NO_REMOVALS: Removals = { removed: 0, lost: 0 };

/**
 * @param holder who asks; undefined is returned unless that one holds the lease
 * @throws ReplyError when this user of Redis may not run XINFO
 */
export async function readRemovals(
  redis: Redis,
  keys: Keys,
  holder: string,
): Promise<RemovalsReading | undefined> {
  const names = [keys.projector, keys.lease, keys.events];
  const reply = await runScript(redis, ACCOUNT_EVENTS, names, [holder, LAYOUT_VERSION]);
  if (reply === null) return undefined;
  const [removed, lost, removedBefore, lostBefore, isAnew, maxDeletedId] = reply as [
    ...[number, number, number, number, number],
    string,
  ];
  return {
    total: { removed, lost },
    before: { removed: removedBefore, lost: lostBefore },
    isAnew: isAnew === 1,
    maxDeletedId,
  };
}

/**
 * What came to it since. Counts that went back say that Redis was emptied or lost its tail, and
 * the account with it: then nothing did.
 */
export function removalsSince(earlier: Removals, { removed, lost }: Removals): Removals {
  return {
    removed: Math.max(0, removed - earlier.removed),
    lost: Math.max(0, lost - earlier.lost),
  };
}

/** What has been found, and not yet told. */
export interface UntoldRemovals {
  readonly removals: Removals;
  /** When it was last told that events were removed, and that some were lost; undefined: never. */
  readonly toldAtMs: { readonly removed: number | undefined; readonly lost: number | undefined };
}

export const NOTHING_UNTOLD: UntoldRemovals = {
  removals: NO_REMOVALS,
  toldAtMs: { removed: undefined, lost: undefined },
};

/** Where a producer trims with every event, it is told of no more often than this. */
const QUIET_MS = 10 * 60 * 1000;

/**
 * Adds what was found now, and says what is to be told: a first finding at once, what follows it
 * together, so that a producer that trims all the time fills no log. A loss does not wait for the
 * quiet after mere removals.
 *
 * @param nowMs of a clock that only goes forward
 */
export function tellRemovals(
  untold: UntoldRemovals,
  found: Removals,
  nowMs: number,
): { readonly tell: Removals | undefined; readonly untold: UntoldRemovals } {
  const removed = untold.removals.removed + found.removed;
  const lost = untold.removals.lost + found.lost;
  const { toldAtMs } = untold;
  const kind = lost > 0 ? 'lost' : 'removed';
  const lastMs = toldAtMs[kind];
  const isDue = lastMs === undefined || nowMs - lastMs >= QUIET_MS;
  if (removed + lost === 0 || !isDue) {
    return { tell: undefined, untold: { ...untold, removals: { removed, lost } } };
  }
  return {
    tell: { removed, lost },
    untold: {
      removals: NO_REMOVALS,
      toldAtMs: { removed: nowMs, lost: kind === 'lost' ? nowMs : toldAtMs.lost },
    },
  };
}
