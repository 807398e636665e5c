import { STREAM_START, type StreamId } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { BlockingReader, LONGEST_WAIT_MS } from '../redis/blocking-reader.ts';
import type { ConnectionOptions } from '../redis/connections.ts';
import { type EventEntry, readEventsAfter } from './event-reader.ts';

export interface EventSourceOptions {
  /** The connection that commits. */
  readonly redis: Redis;
  /** Of the doorbell, which is a connection of its own. */
  readonly doorbell: ConnectionOptions;
  readonly stream: string;
  /** Events per batch at most. */
  readonly batchSize: number;
}

/**
 * Batches of events after a checkpoint, in stream order; where one is full, the next is read ahead. An
 * empty one says that reading works and none came: at once where none is there, and then about every
 * second. It ends when the signal aborts and throws when a connection fails. Whether a batch was
 * applied is not its job: whoever must read again begins again.
 */
export async function* readEvents(
  { redis, doorbell: connection, stream, batchSize }: EventSourceOptions,
  checkpoint: StreamId | undefined,
  signal: AbortSignal,
): AsyncGenerator<readonly EventEntry[], void> {
  let after = checkpoint ?? STREAM_START;
  // The first wait only shows that the doorbell works.
  let waitMs = 1;
  using doorbell = await BlockingReader.open(connection, signal);
  const readNext = () => readEventsAfter(redis, stream, after, batchSize);
  let ahead: Promise<EventEntry[]> | undefined;
  let wasFull = false;
  while (!signal.aborted) {
    const entries = await (ahead ?? readNext());
    ahead = undefined;
    after = entries.at(-1)?.id ?? after;
    if (entries.length > 0) {
      // More may wait: it comes while these are applied.
      wasFull = entries.length === batchSize;
      if (wasFull) ahead = readNext();
      // Whoever stops here does not ask for it.
      ahead?.catch(() => undefined);
      yield entries;
      continue;
    }
    // Who took a full batch may have put off a part of the work until the next one.
    if (wasFull) yield [];
    wasFull = false;
    const rung = await doorbell.read(stream, after, 1, waitMs);
    waitMs = LONGEST_WAIT_MS;
    if (rung.length === 0) yield [];
  }
}
