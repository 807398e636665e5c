import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Keys } from '../redis/keys.ts';
import { isRefused } from '../redis/refused.ts';
import { isRedisAway } from '../redis/trouble.ts';
import { retryUntilAborted, sleep } from '../runtime/retry.ts';
import type { Service } from '../runtime/service.ts';
import type { TrimObserver } from './projector.ts';
import {
  NOTHING_UNTOLD,
  type Removals,
  type RemovalsReading,
  readRemovals,
  removalsSince,
  tellRemovals,
  type UntoldRemovals,
} from './removals.ts';
import { type TrimLimits, trimStep } from './trim.ts';

export interface TrimOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  /** Names this projector, as its lease does: only who applies events trims them. */
  readonly holder: string;
  readonly limits: TrimLimits;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  readonly observer: TrimObserver;
  readonly logger: Logger;
}

/** How often it is looked whether there is something to trim. */
const INTERVAL_MS = 2000;

/**
 * The one place where events and feed are trimmed, beside the projector and on its connection.
 * Between two steps Redis does everything else. After them the account of all events shows whether
 * somebody else trims, too.
 */
export class TrimService implements Service {
  readonly name = 'trimming';
  readonly #options: TrimOptions;
  /** The removals that this process knows of; undefined until it has looked under this lease. */
  #known: Removals | undefined;
  #untold: UntoldRemovals = NOTHING_UNTOLD;
  /** Whether the account may be read. */
  #isAccounting = true;

  constructor(options: TrimOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { logger } = this.#options;
    await retryUntilAborted((inner) => this.#trimUntilAborted(inner), signal, {
      minMs: 500,
      maxMs: 5000,
      onFailure: (err, attempt, waitMs) => {
        // The projector tells that Redis is away.
        if (isRedisAway(err)) return;
        logger.error({ err, attempt, waitMs }, 'trimming is interrupted, trying again');
      },
    });
  }

  async #trimUntilAborted(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#trim(signal);
      if (this.#isAccounting) await this.#account();
      await sleep(INTERVAL_MS, signal);
    }
  }

  async #trim(signal: AbortSignal): Promise<void> {
    const { redis, keys, holder, limits, nowMs, observer } = this.#options;
    let isMore = true;
    while (isMore && !signal.aborted) {
      const step = await trimStep(redis, keys, holder, limits, nowMs());
      if (step === undefined) return;
      observer.onTrimmed(step.events, step.changes);
      isMore = step.isMore;
    }
  }

  async #account(): Promise<void> {
    const { redis, keys, holder, logger } = this.#options;
    try {
      const reading = await readRemovals(redis, keys, holder);
      // Whoever has the lease in between tells what is found in between.
      if (reading === undefined) this.#known = undefined;
      else this.#judge(reading);
    } catch (error) {
      if (!isRefused(error)) throw error;
      this.#isAccounting = false;
      logger.info(
        `nobody will be told when producers trim ${keys.events}: this user of Redis may not run ` +
          'XINFO STREAM; to be told, run ACL SETUSER <user> +xinfo|stream, and start again',
      );
    }
  }

  #judge({ total, before, isAnew, maxDeletedId }: RemovalsReading): void {
    const { keys, observer, logger } = this.#options;
    // By what this process knows, so that a finding is told although an answer was lost.
    const found = removalsSince(this.#known ?? before, total);
    this.#known = total;
    if (found.removed + found.lost > 0) observer.onRemoved(found.removed, found.lost);
    const { tell, untold } = tellRemovals(this.#untold, found, performance.now());
    this.#untold = untold;
    if (tell === undefined) return;
    const details = { ...tell, isAnew, maxDeletedId };
    const how = isAnew ? 'the stream was deleted' : 'by XTRIM, XDEL or XADD with MAXLEN or MINID';
    const remedy =
      'let no producer trim or delete, and set TASK_TRACKING_EVENTS_RETENTION_DAYS instead';
    if (tell.lost > 0 && total.lost > total.removed) {
      // More than are gone: they are there, behind a checkpoint that somebody moved past them.
      const what = `${tell.lost} events of ${keys.events} are before the checkpoint, or gone`;
      const mend = 'run tasktrail repair --yes, which applies those that are there';
      logger.error(details, `${what}, and were never applied: ${mend}`);
    } else if (tell.lost > 0) {
      const what = `${tell.lost} events were removed from ${keys.events} before they were applied`;
      logger.error(details, `${what}, and are lost (${how}): ${remedy}`);
    } else {
      const what = `something else than the projector removed ${tell.removed} events`;
      logger.warn(details, `${what} from ${keys.events} (${how}): ${remedy}`);
    }
  }
}
