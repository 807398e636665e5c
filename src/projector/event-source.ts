import { STREAM_START, type StreamId } from '@tasktrail/contract';
import { BlockingReader, LONGEST_WAIT_MS, type StreamEntry } from '../redis/blocking-reader.ts';
import type { ConnectionOptions } from '../redis/connections.ts';

export interface EventSourceOptions {
  readonly connection: ConnectionOptions;
  readonly stream: string;
  /** Events per batch at most. */
  readonly batchSize: number;
}

/**
 * Batches of events after a checkpoint, in stream order; an empty one about every second in which
 * none came, and at once where none is there, so that reading is known to work. It ends when the signal aborts and throws when the connection fails. Whether a batch
 * was applied is not its job: whoever must read again begins again.
 */
export async function* readEvents(
  options: EventSourceOptions,
  checkpoint: StreamId | undefined,
  signal: AbortSignal,
): AsyncGenerator<readonly StreamEntry[], void> {
  let after = checkpoint ?? STREAM_START;
  using reader = await BlockingReader.open(options.connection, signal);
  for (let waitMs = 1; !signal.aborted; waitMs = LONGEST_WAIT_MS) {
    const entries = await reader.read(options.stream, after, options.batchSize, waitMs);
    after = entries.at(-1)?.id ?? after;
    yield entries;
  }
}
