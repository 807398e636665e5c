import { withoutCredentials } from '../../redis/redis-url.ts';
import { MACHINE_CLOCK } from '../../runtime/clock.ts';
import type { ProgressBar } from '../progress-bar.ts';
import { type AppenderOptions, EmitAppender } from './appender.ts';
import { NextBatch, type Place } from './batch.ts';
import type { EmitIo } from './emit.ts';
import { EmitOutput, type OutputMode } from './output.ts';
import { EmitReader, type NamedInput } from './reader.ts';
import { endOfLinesText } from './texts.ts';

/**
 * Appends the events of inputs, in order. Reading goes on while a batch is on its way, and waits when
 * the next one is full. Resolves with the exit code.
 *
 * @throws EmitInputError when an input cannot be read to its end; what came before is appended
 */
export async function emitInputs(
  inputs: readonly NamedInput[],
  mode: OutputMode,
  io: EmitIo,
): Promise<number> {
  const { wallMs, monotonicMs } = io.clock ?? MACHINE_CLOCK;
  const bar = mode === 'bar' ? await openBar(inputs, io) : undefined;
  const output = new EmitOutput({ ...io, mode, bar, monotonicMs });
  const batch = new NextBatch();
  const reader = new EmitReader(inputs, batch, {
    ...{ keys: io.keys, wallMs },
    onRefused: (place, problem) => output.refused(place, problem),
  });
  let done: Place | undefined;
  const appender = new EmitAppender({
    ...appenderOptionsOf(io, (text) => output.problem(text)),
    onAppended: (appended, entries) => {
      done = appended.through;
      return output.appended(appended, entries);
    },
  });

  const stop = new AbortController();
  const onStop = () => {
    stop.abort();
    batch.end();
  };
  if (io.signal?.aborted) onStop();
  io.signal?.addEventListener('abort', onStop, { once: true });
  let text: string | undefined;
  try {
    const reading = reader.run(stop.signal).finally(() => batch.end());
    // Looked at below, once what was read before it failed is appended.
    reading.catch(() => {});
    const end = await appender.run(() => batch.take());
    onStop();
    const isLeft = !reader.hasReadAll || reader.place !== done;
    text = endOfLinesText(end, withoutCredentials(io.redis.url), done, output.counts, isLeft);
    await reading;
    const isDone = end.kind === 'ended' || (end.kind === 'stopped' && !isLeft);
    return isDone && output.counts.refused === 0 ? 0 : 1;
  } finally {
    io.signal?.removeEventListener('abort', onStop);
    output.close(text);
  }
}

/** @param say told what is to be said while it goes on */
export function appenderOptionsOf(
  io: EmitIo,
  say: (text: string) => void,
): Omit<AppenderOptions, 'onAppended'> {
  const server = withoutCredentials(io.redis.url);
  return {
    redis: io.redis,
    keys: io.keys,
    giveUpMs: io.giveUpMs ?? 10_000,
    random: io.random ?? Math.random,
    signal: io.signal ?? new AbortController().signal,
    onDelayed: (reason) => say(`${server} cannot append now (${reason}); trying again`),
  };
}

/** Loaded only when it is needed, so that `emit` in a loop of a shell starts fast. */
async function openBar(
  inputs: readonly NamedInput[],
  { terminal }: EmitIo,
): Promise<ProgressBar | undefined> {
  if (terminal === undefined) return undefined;
  const { ProgressBar } = await import('../progress-bar.ts');
  const sizes = inputs.map(({ input }) => input.sizeBytes);
  const isSized = sizes.every((size) => size !== undefined);
  return new ProgressBar(
    terminal,
    isSized ? sizes.reduce((sum, size) => sum + size, 0) : undefined,
  );
}
