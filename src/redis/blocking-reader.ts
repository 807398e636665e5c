import { parseStreamId, type StreamId } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { withDeadline } from '../runtime/deadline.ts';
import { type ConnectionOptions, connectDeadlineMs, connectForBlocking } from './connections.ts';

/** An entry of a stream: field, value, field, value … as they were appended. */
export interface StreamEntry {
  readonly id: StreamId;
  readonly pairs: readonly string[];
}

/** How long a read waits for an entry before it comes back with none. */
export const LONGEST_WAIT_MS = 1000;
/**
 * How much longer than that a read may take. Past it the connection is dead, whatever its socket
 * says: after a reset or behind a silent network a blocked read may never settle.
 */
const GRACE_MS = 2000;

/** The longest time between two returns of a read that works. */
export const LONGEST_READ_MS = LONGEST_WAIT_MS + GRACE_MS;

/**
 * Blocking reads on a connection of their own. Every failure ends the reader: whoever loops over
 * it opens a new one, and goes on from the last id that it has seen itself.
 */
export class BlockingReader implements Disposable {
  readonly #redis: Redis;
  readonly #signal: AbortSignal;
  readonly #close = () => this[Symbol.dispose]();

  private constructor(redis: Redis, signal: AbortSignal) {
    this.#redis = redis;
    this.#signal = signal;
    signal.addEventListener('abort', this.#close, { once: true });
  }

  /** The signal's abort closes the reader, and a read that waits rejects. */
  static async open(options: ConnectionOptions, signal: AbortSignal): Promise<BlockingReader> {
    const reader = new BlockingReader(connectForBlocking(options), signal);
    try {
      signal.throwIfAborted();
      const deadlineMs = connectDeadlineMs(options.url);
      await withDeadline(reader.#redis.connect(), deadlineMs, 'connecting to Redis');
      return reader;
    } catch (error) {
      reader[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * The entries after an id, oldest first, `count` at most; none when none came for so long.
   *
   * @param waitMs at least 1, and at most the longest wait
   * @throws DeadlineError when Redis does not answer in time
   */
  async read(
    stream: string,
    after: StreamId,
    count: number,
    waitMs = LONGEST_WAIT_MS,
  ): Promise<StreamEntry[]> {
    const reply = await withDeadline(
      this.#redis.xread('COUNT', count, 'BLOCK', waitMs, 'STREAMS', stream, after),
      LONGEST_READ_MS,
      `reading ${stream}`,
    );
    const entries = reply?.[0]?.[1] ?? [];
    return entries.map(([id, pairs]) => toEntry(id, pairs));
  }

  /**
   * Waits for an entry after an id, and has something read once it is there. That is sent behind the
   * read that waits, and Redis answers both in one round trip.
   *
   * @param next sends its commands at once, on the connection that it is given
   * @returns what `next` read; undefined where no entry came for so long
   * @throws DeadlineError when Redis does not answer in time, or what `next` throws
   */
  async readThen<T>(
    stream: string,
    after: StreamId,
    next: (redis: Redis) => Promise<T>,
  ): Promise<T | undefined> {
    const wait = ['BLOCK', LONGEST_WAIT_MS] as const;
    const waited = this.#redis.xread('COUNT', 1, ...wait, 'STREAMS', stream, after);
    const both = Promise.all([waited, next(this.#redis)]);
    const [reply, read] = await withDeadline(both, LONGEST_READ_MS, `reading ${stream}`);
    return reply === null ? undefined : read;
  }

  [Symbol.dispose](): void {
    this.#signal.removeEventListener('abort', this.#close);
    this.#redis.disconnect();
  }
}

function toEntry(idText: string, pairs: readonly string[]): StreamEntry {
  const id = parseStreamId(idText);
  if (id === undefined) throw new TypeError(`Redis named an entry ${idText}`);
  return { id, pairs };
}
