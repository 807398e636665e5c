import type { Redis } from 'ioredis';
import { KEYS } from '../../../src/redis/keys.ts';
import { timeOf } from '../../oracle/model/ids.ts';

const BLOCK_MS = 200;

/** Follows the change feed, and notes how long each event waited until its change was in it. */
export class FeedWatch implements AsyncDisposable {
  /** In milliseconds, by the clock of this machine, which is that of Redis. */
  readonly waits: { readonly sentAtMs: number; readonly waitMs: number }[] = [];
  /** The id of the last change. */
  last = '0-0';
  readonly #redis: Redis;
  #isStopped = false;
  readonly #running: Promise<void>;

  /** @param redis a connection of its own: it blocks */
  constructor(redis: Redis) {
    this.#redis = redis;
    this.#running = this.#run();
  }

  /** The longest wait of an event that was sent since then, in milliseconds. */
  longestSince(sinceMs: number): number {
    const later = this.waits.filter(({ sentAtMs }) => sentAtMs >= sinceMs);
    return later.reduce((longest, { waitMs }) => Math.max(longest, waitMs), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const reply = await this.#redis.xread('BLOCK', BLOCK_MS, 'STREAMS', KEYS.updates, this.last);
      const atMs = Date.now();
      for (const [id] of reply?.[0]?.[1] ?? []) {
        this.last = id;
        this.waits.push({ sentAtMs: timeOf(id), waitMs: atMs - timeOf(id) });
      }
    }
  }
}
