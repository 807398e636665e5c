import type { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { digestOf } from '../redis/append-once.ts';
import type { Keys } from '../redis/keys.ts';
import { withDeadline } from '../runtime/deadline.ts';
import type { RateLimits, RateVerdict } from './intake.ts';

const WINDOW_SECONDS = 60;
/** A Redis that is silent keeps a request waiting no longer than this before it passes. */
const ANSWER_MS = 1000;

type Kind = Parameters<RateLimits['count']>[0];

export interface RateLimitOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  /** Requests a minute. */
  readonly requestsPerAddress: number;
  /** Requests a minute. */
  readonly requestsPerProducer: number;
}

/**
 * Counts requests in windows of a minute that begin with a source's first request. While Redis is
 * away each process counts by itself, and nothing that goes wrong here refuses a request: the
 * limits protect the service, they are not what admits.
 */
export class RedisRateLimits implements RateLimits {
  readonly #limiters: Readonly<Record<Kind, RateLimiterRedis>>;

  constructor({ redis, keys, requestsPerAddress, requestsPerProducer }: RateLimitOptions) {
    const limiter = (kind: Kind, points: number) => {
      const limits = { points, duration: WINDOW_SECONDS, keyPrefix: `${keys.intake.rate}:${kind}` };
      return new RateLimiterRedis({
        ...limits,
        storeClient: redis,
        rejectIfRedisNotReady: true,
        insuranceLimiter: new RateLimiterMemory(limits),
        // Who has used up a window is refused until its end without Redis being asked.
        inMemoryBlockOnConsumed: points,
      });
    };
    this.#limiters = {
      address: limiter('address', requestsPerAddress),
      producer: limiter('producer', requestsPerProducer),
    };
  }

  async count(kind: Kind, name: string): Promise<RateVerdict> {
    try {
      // Names may hold anything and be of any length, and addresses belong to people.
      await withDeadline(this.#limiters[kind].consume(digestOf(name)), ANSWER_MS, 'Redis');
      return { kind: 'passed' };
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) return { kind: 'passed' };
      return { kind: 'limited', retryAfterMs: Math.max(1, Math.ceil(refusal.msBeforeNext)) };
    }
  }
}
