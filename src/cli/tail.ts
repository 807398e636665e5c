import {
  type ClientPosition,
  parsePosition,
  STREAM_START,
  type StreamId,
  TASK_STATUSES,
  type TaskChange,
  type TaskStatus,
} from '@tasktrail/contract';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { BlockingReader, type StreamEntry } from '../redis/blocking-reader.ts';
import { CorruptChangeError, decodeChange } from '../redis/change-entry.ts';
import { type ConnectionOptions, connectForCommands } from '../redis/connections.ts';
import type { Keys } from '../redis/keys.ts';
import type { RedisAddress } from '../redis/redis-address.ts';
import { Reminders } from '../runtime/reminders.ts';
import { FatalError, retryUntilAborted } from '../runtime/retry.ts';

/** `tasktrail tail`: the change feed as NDJSON, straight from Redis and whoever may see it. */
export interface TailOptions {
  /** Changes after this position; absent: those that come from now on. */
  readonly since?: ClientPosition;
  readonly project?: string;
  readonly status?: readonly TaskStatus[];
  /** Ends after so many changes; absent: never. */
  readonly limit?: number;
}

export interface TailIo {
  readonly redis: RedisAddress;
  readonly keys: Keys;
  readonly write: (line: string) => void;
  readonly writeError: (line: string) => void;
}

/** Changes per read at most. */
const READ_COUNT = 200;

export function addTailOptions(command: Command): Command {
  const status = new Option('--status <status...>', 'only tasks that now have one of these');
  return command
    .description('Print changes as NDJSON as they happen')
    .option('--since <position>', 'changes after this position or stream id', position)
    .option('--project <owner/repo>', 'only changes of this project')
    .addOption(status.choices(TASK_STATUSES))
    .option('--limit <count>', 'end after so many changes', positiveInteger);
}

function position(text: string): ClientPosition {
  const read = parsePosition(text);
  if (read === undefined) {
    throw new InvalidArgumentError(`It must be a position or a stream id such as ${STREAM_START}.`);
  }
  return read;
}

function positiveInteger(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('It must be 1 or more.');
  return Number(text);
}

/**
 * Writes changes until the signal aborts or the limit is reached. While Redis is away it waits and
 * goes on where it was.
 */
export async function runTail(
  options: TailOptions,
  io: TailIo,
  signal: AbortSignal,
): Promise<void> {
  const done = new AbortController();
  const stop = AbortSignal.any([signal, done.signal]);
  // Why Redis is away: what a command rejects with only says that it is.
  let reason: string | undefined;
  const reminders = new Reminders();
  const connection: ConnectionOptions = {
    ...io.redis,
    name: 'tail',
    onError: ({ message }) => {
      reason ??= message;
    },
  };
  let after: StreamId | undefined;
  let left = options.limit ?? Number.POSITIVE_INFINITY;
  await retryUntilAborted(
    async () => {
      after ??= await readBeginning(connection, io.keys, options.since);
      using reader = await BlockingReader.open(connection, stop);
      while (!stop.aborted) {
        for (const entry of await reader.read(io.keys.updates, after, READ_COUNT)) {
          after = entry.id;
          const change = readChange(entry, io.writeError);
          if (change === undefined || !isWanted(change, options)) continue;
          io.write(JSON.stringify({ id: entry.id, ...change }));
          left -= 1;
          if (left <= 0) return done.abort();
        }
      }
    },
    stop,
    {
      minMs: 100,
      maxMs: 2000,
      onFailure: (error) => {
        const line = `tail: ${reason ?? (error instanceof Error ? error.message : error)}; trying again`;
        if (reminders.isDue(line, performance.now())) io.writeError(line);
        reason = undefined;
      },
    },
  );
}

/**
 * Where to begin, asked for once: from then on only explicit ids, so that no change is missed.
 *
 * @param since absent: the end of the feed
 * @throws FatalError when that position is of another history
 */
async function readBeginning(
  connection: ConnectionOptions,
  keys: Keys,
  since: ClientPosition | undefined,
): Promise<StreamId> {
  if (since !== undefined && since.epoch === undefined) return since.id;
  const redis = connectForCommands(connection);
  try {
    await redis.connect();
    if (since !== undefined) {
      const epoch = await redis.hget(keys.projector, 'epoch');
      if (epoch === since.epoch) return since.id;
      throw new FatalError(
        `the position of --since is of another history (now ${epoch ?? 'none'}): changes between ` +
          'the two are unknown; give a stream id alone, or leave it out',
      );
    }
    const [last] = await redis.xrevrange(keys.updates, '+', '-', 'COUNT', 1);
    return (last?.[0] as StreamId | undefined) ?? STREAM_START;
  } finally {
    redis.disconnect();
  }
}

/** Undefined for what is no change, which is told: it must not stop what comes after it. */
function readChange(
  { id, pairs }: StreamEntry,
  writeError: (line: string) => void,
): TaskChange | undefined {
  try {
    return decodeChange(id, pairs);
  } catch (error) {
    if (!(error instanceof CorruptChangeError)) throw error;
    writeError(`tail: ${error.message}`);
    return undefined;
  }
}

function isWanted({ item }: TaskChange, { project, status }: TailOptions): boolean {
  return (
    (project === undefined || item.project === project) &&
    (status === undefined || status.includes(item.status))
  );
}
