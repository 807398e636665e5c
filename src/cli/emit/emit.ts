import type { Keys } from '../../redis/keys.ts';
import type { RedisAddress } from '../../redis/redis-address.ts';
import { withoutCredentials } from '../../redis/redis-url.ts';
import { type Clock, MACHINE_CLOCK } from '../../runtime/clock.ts';
import type { Terminal } from '../progress-bar.ts';
import { EmitAppender } from './appender.ts';
import { NextBatch } from './batch.ts';
import { prepareEvent } from './entry.ts';
import { type EmitFlags, type RequestedFile, requestOf } from './events.ts';
import { type EmitInput, EmitInputError } from './input.ts';
import { appenderOptionsOf, emitInputs } from './inputs.ts';
import { outputModeOf } from './output.ts';
import type { NamedInput } from './reader.ts';
import { endOfFlagsText } from './texts.ts';

/**
 * `tasktrail emit`: appends one event from flags, or one for each line of NDJSON, each of them once
 * however often it is run within 24 h.
 *
 * `events.ts` says what is asked for. `inputs.ts` does it: `reader.ts` reads, `lines.ts` takes them
 * apart, and `entry.ts` makes an entry of a line; `batch.ts` is where the reader waits for
 * `appender.ts`, which appends; `output.ts` tells of it, in the words of `texts.ts`.
 */
export interface EmitIo {
  readonly redis: RedisAddress;
  readonly keys: Keys;
  /** Opened only when there are neither flags nor files. */
  readonly standardInput: EmitInput;
  /** Whether a person types it. */
  readonly isTyped: boolean;
  /** Rejects with an EmitInputError when there is nothing to read at the path. */
  readonly openFile: (path: string) => Promise<EmitInput>;
  /** Takes lines of output, without the last end. Resolves when it takes more; never rejects. */
  readonly write: (text: string) => void | Promise<void>;
  readonly writeError: (line: string) => void;
  /** Where a bar can be drawn, when standard output is a terminal. */
  readonly terminal?: Terminal | undefined;
  /** Stops it: what is on its way is finished, the rest left. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds that a batch may wait for Redis. Default 10 000. */
  readonly giveUpMs?: number | undefined;
  readonly clock?: Clock | undefined;
  /** A unique text, for the `eventId` of flags. */
  readonly randomId: () => string;
  /** 0 ≤ r < 1, for the jitter of waits. Default Math.random. */
  readonly random?: (() => number) | undefined;
}

/**
 * Resolves with the exit code: 0 when every event is appended, 1 when one is not, 2 when the command
 * line is wrong, names a file that cannot be read, or states no valid event.
 *
 * @throws EmitInputError when an input cannot be read to its end; what came before is appended
 */
export async function runEmit(
  paths: readonly string[],
  flags: EmitFlags,
  io: EmitIo,
): Promise<number> {
  const request = requestOf(paths, flags);
  switch (request.kind) {
    case 'wrong_usage':
      io.writeError(request.problem);
      return 2;
    case 'event':
      return await emitEvent(request.event, flags, io);
    case 'standard_input': {
      const input = { input: io.standardInput, name: request.name, file: undefined };
      return await emitInputs([input], outputModeOf(flags, io.terminal, io.isTyped), io);
    }
    case 'files': {
      const inputs = await openFiles(request.files, io);
      if (inputs === undefined) return 2;
      return await emitInputs(inputs, outputModeOf(flags, io.terminal, false), io);
    }
  }
}

/** Looks at all of them before anything of the first is appended; undefined when one is missing. */
async function openFiles(
  files: readonly RequestedFile[],
  io: EmitIo,
): Promise<NamedInput[] | undefined> {
  const inputs: NamedInput[] = [];
  let isComplete = true;
  for (const { path, name } of files) {
    try {
      const input = await io.openFile(path);
      inputs.push({ input, name, file: files.length === 1 ? undefined : path });
    } catch (error) {
      if (!(error instanceof EmitInputError)) throw error;
      io.writeError(error.message);
      isComplete = false;
    }
  }
  return isComplete ? inputs : undefined;
}

async function emitEvent(
  event: Readonly<Record<string, unknown>>,
  { eventId, quiet = false }: EmitFlags,
  io: EmitIo,
): Promise<number> {
  const { wallMs } = io.clock ?? MACHINE_CLOCK;
  const prepared = prepareEvent(event, io.randomId, wallMs(), io.keys);
  if (prepared.kind === 'refused') {
    io.writeError(prepared.problem);
    return 2;
  }
  const batch = new NextBatch();
  await batch.add({ ...prepared, place: { file: undefined, line: 1, bytes: 0 } });
  batch.end();
  const appender = new EmitAppender({
    ...appenderOptionsOf(io, io.writeError),
    onAppended: (_, [entry]) => (quiet || entry === undefined ? undefined : io.write(entry.id)),
  });
  const end = await appender.run(() => batch.take());
  const text = endOfFlagsText(end, withoutCredentials(io.redis.url), Boolean(eventId));
  if (text !== undefined) io.writeError(text);
  return end.kind === 'ended' ? 0 : 1;
}
