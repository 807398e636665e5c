import type { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { digestOf } from '../redis/append-once.ts';
import type { Keys } from '../redis/keys.ts';
import { withDeadline } from '../runtime/deadline.ts';
import type { IntakeObserver, RateKind, RateLimits, RateVerdict } from './intake.ts';

const WINDOW_SECONDS = 60;
/** A Redis that is silent keeps a request waiting no longer than this before it passes. */
const ANSWER_MS = 1000;

export interface RateLimitOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  /** Requests a minute. */
  readonly requestsPerAddress: number;
  /** Requests a minute; a forge has as many. */
  readonly requestsPerProducer: number;
  readonly observer: Pick<IntakeObserver, 'onRateLimitsLocal'>;
}

interface Limiters {
  readonly shared: RateLimiterRedis;
  /** Of this process, for when the shared one fails. */
  readonly local: RateLimiterMemory;
}

/**
 * Counts requests in windows of a minute that begin with a source's first request. While Redis is
 * away each process counts by itself, and nothing that goes wrong here refuses a request: the
 * limits protect the service, they are not what admits.
 */
export class RedisRateLimits implements RateLimits {
  readonly #limiters: Readonly<Record<RateKind, Limiters>>;
  readonly #observer: RateLimitOptions['observer'];
  #isLocal = false;

  constructor(options: RateLimitOptions) {
    const { redis, keys, requestsPerAddress, requestsPerProducer, observer } = options;
    this.#observer = observer;
    const limiters = (kind: RateKind, points: number): Limiters => {
      const limits = { points, duration: WINDOW_SECONDS, keyPrefix: `${keys.intake.rate}:${kind}` };
      const shared = new RateLimiterRedis({
        ...limits,
        storeClient: redis,
        rejectIfRedisNotReady: true,
        // Who has used up a window is refused until its end without Redis being asked.
        inMemoryBlockOnConsumed: points,
      });
      // Not as the library's insurance: that tells nobody when it steps in.
      return { shared, local: new RateLimiterMemory(limits) };
    };
    this.#limiters = {
      address: limiters('address', requestsPerAddress),
      producer: limiters('producer', requestsPerProducer),
      forge: limiters('forge', requestsPerProducer),
    };
  }

  async count(kind: RateKind, name: string): Promise<RateVerdict> {
    const { shared, local } = this.#limiters[kind];
    // Names may hold anything and be of any length, and addresses belong to people.
    const key = digestOf(name);
    try {
      const outcome = await settle(withDeadline(shared.consume(key), ANSWER_MS, 'Redis'));
      // What this process refuses from memory says nothing of Redis.
      if (outcome.counted.consumedPoints > 0) this.#tell(false);
      return verdictOf(outcome);
    } catch (error) {
      this.#tell(true, error instanceof Error ? error.message : String(error));
      return verdictOf(await settle(local.consume(key)));
    }
  }

  #tell(isLocal: boolean, reason?: string): void {
    if (isLocal === this.#isLocal) return;
    this.#isLocal = isLocal;
    this.#observer.onRateLimitsLocal(isLocal, reason);
  }
}

interface Outcome {
  readonly counted: RateLimiterRes;
  readonly isOver: boolean;
}

/** The library rejects with the same that it resolves with, where a source is over its limit. */
async function settle(consuming: Promise<RateLimiterRes>): Promise<Outcome> {
  try {
    return { counted: await consuming, isOver: false };
  } catch (refusal) {
    if (refusal instanceof RateLimiterRes) return { counted: refusal, isOver: true };
    throw refusal;
  }
}

function verdictOf({ counted, isOver }: Outcome): RateVerdict {
  if (!isOver) return { kind: 'passed' };
  return { kind: 'limited', retryAfterMs: Math.max(1, Math.ceil(counted.msBeforeNext)) };
}
