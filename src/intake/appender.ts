import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import {
  type AppendedEntry,
  type AppendOnceOutcome,
  appendOnce,
  type EntryOnce,
  type RequestOnce,
} from '../redis/append-once.ts';
import type { Keys } from '../redis/keys.ts';
import { isRedisAway } from '../redis/trouble.ts';
import { withDeadline } from '../runtime/deadline.ts';
import { IntakeUnavailableError } from './intake.ts';

/** What one script appends: Redis does nothing else meanwhile. */
const MAX_ENTRIES = 1000;
const MAX_BYTES = 4 * 1024 * 1024;

/** A forge waits 10 s for an answer. */
const GIVE_UP_MS = 5000;
const MIN_WAIT_MS = 50;
const MAX_WAIT_MS = 500;

/** Answers of a Redis that is there and cannot write now, which passes or is mended by operators. */
const CANNOT_WRITE = /^(OOM|MISCONF|NOREPLICAS|BUSY|CLUSTERDOWN|TRYAGAIN) /;

export interface AppenderOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  /** How long Redis may be away before a caller hears of it, in milliseconds. */
  readonly giveUpMs?: number | undefined;
  readonly monotonicMs?: (() => number) | undefined;
  /** 0 ≤ r < 1; a parameter so that tests are repeatable. */
  readonly random?: (() => number) | undefined;
}

/**
 * Appends each entry once, however often that takes. Whether a script that was not answered ran is
 * unknown, so it is sent again only because its records tell what was appended before.
 */
export class Appender {
  readonly #redis: Redis;
  readonly #keys: Keys;
  readonly #giveUpMs: number;
  readonly #monotonicMs: () => number;
  readonly #random: () => number;

  constructor({ redis, keys, giveUpMs, monotonicMs, random }: AppenderOptions) {
    this.#redis = redis;
    this.#keys = keys;
    this.#giveUpMs = giveUpMs ?? GIVE_UP_MS;
    this.#monotonicMs = monotonicMs ?? (() => performance.now());
    this.#random = random ?? Math.random;
  }

  /**
   * Appends entries in order: all in one step, unless they are more than one script may hold. The
   * request, where there is one, is kept with the first step, even where there is no entry.
   *
   * @throws IntakeUnavailableError when Redis was away for too long. Some may have been appended,
   *   and further ones may be: the same entries and records again are safe
   */
  async append(entries: readonly EntryOnce[], request?: RequestOnce): Promise<AppendOnceOutcome> {
    if (entries.some(({ records }) => records.length === 0)) {
      throw new Error('an entry without a record could be appended twice: give it one');
    }
    const appended: AppendedEntry[] = [];
    let named = request;
    for (const part of partsOf(entries, request !== undefined)) {
      const outcome = await this.retry(() => appendOnce(this.#redis, this.#keys, part, named));
      if (outcome.kind === 'other_request') return outcome;
      appended.push(...outcome.entries);
      named = undefined;
    }
    return { kind: 'appended', entries: appended };
  }

  /**
   * Asks Redis again while it is away, as an append does.
   *
   * @param ask must be safe to repeat, and to go on after its answer is no longer waited for
   * @throws IntakeUnavailableError
   */
  async retry<T>(ask: () => Promise<T>): Promise<T> {
    const giveUpAtMs = this.#monotonicMs() + this.#giveUpMs;
    for (let attempt = 0; ; attempt += 1) {
      const leftMs = giveUpAtMs - this.#monotonicMs();
      try {
        return await withDeadline(ask(), Math.max(1, leftMs), 'Redis');
      } catch (error) {
        const failure = withoutCommand(error);
        if (!isRedisAway(failure) && !CANNOT_WRITE.test(failure.message)) throw failure;
        const waitMs = this.#waitMs(attempt);
        // A connection that was closed for good belongs to a process that stops.
        const isOver = this.#redis.status === 'end';
        if (isOver || this.#monotonicMs() + waitMs >= giveUpAtMs) throw unavailable(failure);
        await delay(waitMs);
      }
    }
  }

  /** Half of the exponential wait is fixed and half is random, so that requests spread. */
  #waitMs(attempt: number): number {
    const full = Math.min(MAX_WAIT_MS, MIN_WAIT_MS * 2 ** Math.min(attempt, 10));
    return Math.round(full / 2 + (full / 2) * this.#random());
  }
}

/** Runs of entries that one script may append; one without entries where only a request is kept. */
function partsOf(entries: readonly EntryOnce[], hasRequest: boolean): readonly EntryOnce[][] {
  const parts: EntryOnce[][] = hasRequest && entries.length === 0 ? [[]] : [];
  let part: EntryOnce[] = [];
  let bytes = 0;
  for (const entry of entries) {
    const size = entry.pairs.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    if (part.length === 0 || part.length >= MAX_ENTRIES || bytes + size > MAX_BYTES) {
      part = [];
      bytes = 0;
      parts.push(part);
    }
    part.push(entry);
    bytes += size;
  }
  return parts;
}

/** ioredis attaches the command with all its arguments, which would end up in a log. */
function withoutCommand(error: unknown): Error {
  if (error instanceof Error) Reflect.deleteProperty(error, 'command');
  return error instanceof Error ? error : new Error(String(error));
}

function unavailable(cause: Error): IntakeUnavailableError {
  return new IntakeUnavailableError(
    'Redis is away, full or loading, so nothing more can be appended now: send the same again',
    { cause },
  );
}
