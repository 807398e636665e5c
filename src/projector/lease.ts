import type { Redis } from 'ioredis';
import { loadScript, runScript } from '../redis/script.ts';

const HOLD = loadScript('hold-lease');
const RELEASE = loadScript('release-lease');

/** How long a projector that vanished keeps the others waiting. */
const LEASE_MS = 5000;
/** Prolonged well before it ends, so that one slow batch does not lose it. */
const PROLONG_AFTER_MS = 1500;

/**
 * Who applies events now. Losing it does no harm, since every commit is guarded by the checkpoint:
 * it only saves two projectors from doing the same work.
 */
export class Lease {
  readonly #redis: Redis;
  readonly #key: string;
  /** Names this projector among all others. */
  readonly holder: string;
  #heldUntilMs = 0;

  constructor(redis: Redis, key: string, holder: string) {
    this.#redis = redis;
    this.#key = key;
    this.holder = holder;
  }

  /** Whether the lease is held now: takes or prolongs it where needed, and else costs nothing. */
  async hold(): Promise<boolean> {
    // A monotonic clock, stopped before the answer: the lease is never believed to last longer
    // here than there.
    const askedAtMs = performance.now();
    if (this.#heldUntilMs - askedAtMs > LEASE_MS - PROLONG_AFTER_MS) return true;
    const isHeld = await runScript(this.#redis, HOLD, [this.#key], [this.holder, LEASE_MS]);
    this.#heldUntilMs = isHeld === 1 ? askedAtMs + LEASE_MS : 0;
    return isHeld === 1;
  }

  /** Gives it up, so that a standby takes over at once. */
  async release(): Promise<void> {
    this.#heldUntilMs = 0;
    await runScript(this.#redis, RELEASE, [this.#key], [this.holder]);
  }
}
