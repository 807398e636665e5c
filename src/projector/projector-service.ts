import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { LONGEST_READ_MS } from '../redis/blocking-reader.ts';
import { replaceEpoch } from '../redis/epoch.ts';
import type { Keys } from '../redis/keys.ts';
import { logTrouble } from '../redis/trouble.ts';
import { LoopWatch } from '../runtime/loop-watch.ts';
import { Reminders } from '../runtime/reminders.ts';
import { retryUntilAborted, sleep } from '../runtime/retry.ts';
import type { Health, HealthCheck, Service } from '../runtime/service.ts';
import { Applying } from './applying.ts';
import { CheckpointAheadError, refuseAhead } from './checkpoint-ahead.ts';
import { loadState, readMends } from './commit.ts';
import { type EventSourceOptions, readEvents } from './event-source.ts';
import type { Lease } from './lease.ts';
import { migrate, refuseNewer } from './migrations.ts';
import { isHistoryLost, type ProjectorObserver, type ProjectorState } from './projector.ts';

export interface ProjectorOptions {
  /** For everything that answers at once; blocking reads have a connection of their own. */
  readonly redis: Redis;
  readonly keys: Keys;
  readonly events: EventSourceOptions;
  readonly lease: Lease;
  /** Version of this program. */
  readonly program: string;
  /** Makes a new epoch, never the same one twice. */
  readonly createEpoch: () => string;
  readonly observer: ProjectorObserver;
  readonly logger: Logger;
}

/** How often a standby asks for the lease. */
const STANDBY_POLL_MS = 500;
/** The loop turns at least this often, or something in it hangs. */
const LOOP_BOUND_MS = LONGEST_READ_MS + 5000;

/**
 * The loop: wait for the lease, then read, plan and commit until it is lost. After any failure it
 * begins again from what Redis holds; what it remembers only shows it that Redis has lost something.
 */
export class ProjectorService implements Service, HealthCheck {
  readonly name = 'projector';
  readonly #options: ProjectorOptions;
  readonly #loop = new LoopWatch(LOOP_BOUND_MS);
  readonly #reminders = new Reminders();
  #role: 'starting' | 'standby' | 'applying' = 'starting';
  /** What was committed last: only a loss of history takes it back. */
  #committed: ProjectorState | undefined;

  constructor(options: ProjectorOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { logger } = this.#options;
    await retryUntilAborted((inner) => this.#standByThenApply(inner), signal, {
      minMs: 100,
      maxMs: 1000,
      onFailure: (err, attempt, waitMs) => {
        this.#loop.fail(err);
        const isToldAlready =
          err instanceof CheckpointAheadError &&
          !this.#reminders.isDue(err.name, performance.now());
        if (isToldAlready) return;
        logTrouble(logger, err, { attempt, waitMs }, 'the projector is interrupted');
      },
    });
  }

  /** A standby is ready: it does its work, which is to wait. */
  health(): Health {
    return this.#loop.health({ role: this.#role });
  }

  async #standByThenApply(signal: AbortSignal): Promise<void> {
    const { redis, keys, lease, program, logger } = this.#options;
    // A standby that must not apply says so now, and not when it is needed.
    await refuseNewer(redis, keys);
    while (!(await lease.hold())) {
      this.#become('standby');
      this.#loop.turn();
      await sleep(STANDBY_POLL_MS, signal);
      if (signal.aborted) return;
    }
    let isLeaseKept = false;
    try {
      this.#become('applying');
      const hold = () => lease.hold();
      await migrate({ redis, keys, holder: lease.holder, hold, program, logger }, signal);
      while (!signal.aborted && (await lease.hold())) await this.#applyUntilMoved(signal);
    } catch (error) {
      // Told at once: where Redis is silent, giving up the lease takes seconds.
      this.#loop.fail(error);
      // A standby could do no more, and the account of all events goes on under the lease.
      isLeaseKept = error instanceof CheckpointAheadError;
      throw error;
    } finally {
      if (!isLeaseKept)
        await lease.release().catch((err) => logger.debug({ err }, 'lease left to expire'));
    }
  }

  async #applyUntilMoved(signal: AbortSignal): Promise<void> {
    const { redis, keys, program, observer, events, lease } = this.#options;
    const stored = await this.#loadProven();
    const onCommitted = (state: ProjectorState) => {
      this.#committed = state;
    };
    const options = { redis, keys, program, observer, onCommitted };
    const applying = new Applying(options, stored, await readMends(redis, keys));
    try {
      for await (const entries of readEvents(events, stored.checkpoint, signal)) {
        this.#loop.turn();
        const isApplied = await applying.apply(entries);
        // What is behind is read on meanwhile; else the answer says whether to wait for more.
        const isBehind = entries.length === events.batchSize;
        if (!isApplied || (!isBehind && !(await applying.settle()))) break;
        if (entries.length === 0 && !(await this.#isConfirmed(applying.state))) break;
        if (signal.aborted || !(await lease.hold())) break;
      }
      await applying.settle();
    } finally {
      await applying.end();
    }
  }

  /** The stored state; where what was committed is gone, of a new history. */
  async #loadProven(): Promise<ProjectorState> {
    const { redis, keys, createEpoch, logger } = this.#options;
    const committed = this.#committed;
    const stored = await loadState(redis, keys);
    if (committed === undefined || !isHistoryLost(committed, stored)) return stored;
    logger.error({ committed, stored }, 'history was lost, opening a new epoch');
    await replaceEpoch(redis, keys, stored.epoch, createEpoch(), committed.epoch);
    this.#committed = undefined;
    return loadState(redis, keys);
  }

  /**
   * Emptying Redis drops no connection: an idle projector sees it by looking. Nor does anything else
   * tell that nothing comes because the checkpoint is ahead of all that does.
   */
  async #isConfirmed(state: ProjectorState): Promise<boolean> {
    const { redis, keys } = this.#options;
    await refuseAhead(redis, keys);
    const stored = await loadState(redis, keys);
    return stored.checkpoint === state.checkpoint && stored.epoch === state.epoch;
  }

  #become(role: 'standby' | 'applying'): void {
    if (role !== this.#role) this.#options.logger.info({ role }, `projector is ${role}`);
    this.#role = role;
  }
}
