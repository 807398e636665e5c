import type { Redis } from 'ioredis';
import { type AppendedEntry, appendOnce } from '../../redis/append-once.ts';
import { connectForCommands } from '../../redis/connections.ts';
import type { Keys } from '../../redis/keys.ts';
import type { RedisAddress } from '../../redis/redis-address.ts';
import { judgeFailure } from '../../redis/trouble.ts';
import { retryUntilAborted } from '../../runtime/retry.ts';
import type { Batch } from './batch.ts';
import { messageOf } from './input.ts';
import type { EmitEnd } from './texts.ts';

export interface AppenderOptions {
  readonly redis: RedisAddress;
  readonly keys: Keys;
  /** Milliseconds that a batch may wait for Redis. */
  readonly giveUpMs: number;
  /** What is on its way when it aborts is still waited for, but not tried again. */
  readonly signal: AbortSignal;
  /** 0 ≤ r < 1, for the jitter of waits. */
  readonly random: () => number;
  /** Told once of every time that Redis is away. */
  readonly onDelayed: (reason: string) => void;
  readonly onAppended: (batch: Batch, entries: readonly AppendedEntry[]) => void | Promise<void>;
}

const MIN_WAIT_MS = 50;
const MAX_WAIT_MS = 1000;

/**
 * Appends batches one after another, each again and again until it was. Whether one that got no
 * answer was appended does not matter: its records make it safe to send it again. It uses a
 * connection of its own, and after a failure a new one.
 */
export class EmitAppender {
  readonly #options: AppenderOptions;
  #end: EmitEnd | undefined;
  /** Aborts when the batch that is being tried was appended, or is tried no more. */
  #trying: AbortController | undefined;
  #redis: Redis | undefined;
  /** Why Redis does not append at present. */
  #trouble: string | undefined;
  /** Why the connection failed. It comes as an event; promises only say that it did. */
  #connectionTrouble: string | undefined;

  constructor(options: AppenderOptions) {
    this.#options = options;
  }

  /** @param take resolves with the next batch; with undefined at the end, and after a stop */
  async run(take: () => Promise<Batch | undefined>): Promise<EmitEnd> {
    const { signal, onAppended } = this.#options;
    const onStop = () => this.#finish({ kind: 'stopped' });
    signal.addEventListener('abort', onStop, { once: true });
    if (signal.aborted) onStop();
    try {
      while (this.#end === undefined) {
        const batch = await take();
        if (batch === undefined) this.#finish({ kind: 'ended' });
        const entries = batch && (await this.#untilAppended(batch));
        if (entries !== undefined) await onAppended(batch as Batch, entries);
      }
      return this.#end;
    } finally {
      signal.removeEventListener('abort', onStop);
      this.#redis?.disconnect();
    }
  }

  /** Undefined when it was tried in vain. */
  async #untilAppended(batch: Batch): Promise<readonly AppendedEntry[] | undefined> {
    if (this.#end !== undefined) return undefined;
    const { giveUpMs, random } = this.#options;
    const trying = new AbortController();
    this.#trying = trying;
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      this.#finish({ kind: 'gave_up', afterMs: giveUpMs, reason: this.#trouble ?? 'no answer' });
      late.reject(new Error('no answer'));
    }, giveUpMs);
    let entries: readonly AppendedEntry[] | undefined;
    try {
      await retryUntilAborted(
        async () => {
          entries = await Promise.race([this.#append(batch), late.promise]);
          this.#trouble = undefined;
          trying.abort();
        },
        trying.signal,
        {
          ...{ minMs: MIN_WAIT_MS, maxMs: MAX_WAIT_MS, random },
          onFailure: (error) => this.#failed(error),
        },
      );
    } finally {
      clearTimeout(timer);
    }
    return entries;
  }

  async #append({ lines }: Batch): Promise<readonly AppendedEntry[]> {
    if (lines.length === 0) return [];
    const redis = await this.#connected();
    const entries = lines.map(({ entry }) => entry);
    return await appendOnce(redis, this.#options.keys, entries);
  }

  async #connected(): Promise<Redis> {
    if (this.#redis?.status === 'ready') return this.#redis;
    this.#redis?.disconnect();
    this.#connectionTrouble = undefined;
    const redis = connectForCommands({
      ...this.#options.redis,
      name: 'emit',
      onError: ({ message }) => {
        if (this.#redis === redis) this.#connectionTrouble ??= message;
      },
    });
    this.#redis = redis;
    try {
      await redis.connect();
    } catch (cause) {
      // What a server answers to a sign-in is no refusal of events: it may change its mind.
      throw new Error(this.#connectionTrouble ?? messageOf(cause), { cause });
    }
    return redis;
  }

  #failed(error: unknown): void {
    if (judgeFailure(error) === 'lasts') {
      this.#finish({ kind: 'refused', reason: messageOf(error) });
      return;
    }
    const reason = this.#connectionTrouble ?? messageOf(error);
    if (this.#trouble === undefined) this.#options.onDelayed(reason);
    this.#trouble = reason;
    this.#redis?.disconnect();
  }

  /** The first end is the one that counts. */
  #finish(end: EmitEnd): void {
    this.#end ??= end;
    this.#trying?.abort();
  }
}
