import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import {
  type AppendedEntry,
  appendOnce,
  appendRequestOnce,
  type EntryOnce,
  type RequestOnce,
  type RequestOutcome,
} from '../redis/append-once.ts';
import type { Keys } from '../redis/keys.ts';
import { judgeFailure } from '../redis/trouble.ts';
import { DeadlineError, withDeadline } from '../runtime/deadline.ts';
import { IntakeUnavailableError } from './intake.ts';

/** What one script appends: Redis does nothing else meanwhile. */
const MAX_ENTRIES = 1000;
const MAX_BYTES = 4 * 1024 * 1024;

/** A forge waits 10 s for an answer, and what counts its requests may take of that, too. */
const GIVE_UP_MS = 7000;
const MIN_WAIT_MS = 50;
const MAX_WAIT_MS = 500;

export interface AppenderOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  /**
   * How long Redis may be away before a caller hears of it, in milliseconds: for each call, and for
   * all calls of one request together.
   */
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
  readonly #options: AppenderOptions;
  readonly #redis: Redis;
  readonly #keys: Keys;
  readonly #giveUpMs: number;
  readonly #monotonicMs: () => number;
  readonly #random: () => number;
  /** By the monotonic clock; undefined: each call has a time of its own. */
  readonly #requestEndsAtMs: number | undefined;

  constructor(options: AppenderOptions, requestEndsAtMs?: number) {
    const { redis, keys, giveUpMs, monotonicMs, random } = options;
    this.#options = options;
    this.#redis = redis;
    this.#keys = keys;
    this.#giveUpMs = giveUpMs ?? GIVE_UP_MS;
    this.#monotonicMs = monotonicMs ?? (() => performance.now());
    this.#random = random ?? Math.random;
    this.#requestEndsAtMs = requestEndsAtMs;
  }

  /** The same for one request, which begins now: all that it does together has `giveUpMs`. */
  forRequest(): Appender {
    return new Appender(this.#options, this.#monotonicMs() + this.#giveUpMs);
  }

  /**
   * Appends entries in order: all in one step, unless they are more than one script may hold.
   *
   * @throws IntakeUnavailableError when Redis was away for too long. Some may have been appended,
   *   and further ones may be: the same entries and records again are safe
   */
  async append(entries: readonly EntryOnce[]): Promise<AppendedEntry[]> {
    const appended: AppendedEntry[] = [];
    for (const part of partsOf(entries)) {
      const step = await this.retry(() => appendOnce(this.#redis, this.#keys, part));
      appended.push(...step);
    }
    return appended;
  }

  /**
   * The same for a request that has a name. It is kept with the first step, even where there is no
   * entry.
   *
   * @throws IntakeUnavailableError
   */
  async appendRequest(
    request: RequestOnce,
    entries: readonly EntryOnce[],
  ): Promise<RequestOutcome> {
    const [first = [], ...more] = partsOf(entries);
    const outcome = await this.retry(() =>
      appendRequestOnce(this.#redis, this.#keys, request, first),
    );
    if (outcome.kind === 'other_request') return outcome;
    return { kind: 'appended', entries: [...outcome.entries, ...(await this.append(more.flat()))] };
  }

  /**
   * Asks Redis again while it is away, as an append does.
   *
   * @param ask must be safe to repeat, and to go on after its answer is no longer waited for
   * @throws IntakeUnavailableError
   */
  async retry<T>(ask: () => Promise<T>): Promise<T> {
    const giveUpAtMs = this.#requestEndsAtMs ?? this.#monotonicMs() + this.#giveUpMs;
    let answered: Error | undefined;
    for (let attempt = 0; ; attempt += 1) {
      const leftMs = Math.round(giveUpAtMs - this.#monotonicMs());
      // What is too late is not even begun, so that a refusal appends nothing more.
      if (leftMs <= 0) throw unavailable(answered ?? new DeadlineError('Redis', this.#giveUpMs));
      try {
        return await withDeadline(ask(), leftMs, 'Redis');
      } catch (error) {
        const failure = withoutCommand(error);
        if (judgeFailure(failure) === 'lasts') throw failure;
        // That time is up says less than what was answered before.
        if (!(failure instanceof DeadlineError)) answered = failure;
        const waitMs = this.#waitMs(attempt);
        // A connection that was closed for good belongs to a process that stops.
        const isOver = this.#redis.status === 'end';
        if (isOver || this.#monotonicMs() + waitMs >= giveUpAtMs)
          throw unavailable(answered ?? failure);
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

/** Runs of entries that one script may append. */
function partsOf(entries: readonly EntryOnce[]): readonly EntryOnce[][] {
  if (entries.some(({ records }) => records.length === 0)) {
    throw new Error('an entry without a record could be appended twice: give it one');
  }
  const parts: EntryOnce[][] = [];
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
