import { constants, createReadStream } from 'node:fs';
import { access, stat } from 'node:fs/promises';

/** Bytes that are read once, from their beginning. */
export interface EmitInput {
  /** Undefined where it is unknown: of a pipe, which may also stay open for ever. */
  readonly sizeBytes: number | undefined;
  /** Called once, when the input's turn has come; ending the iteration closes it. */
  open(): AsyncIterable<Uint8Array>;
}

/** An input could not be read. Nothing of what was read before is lost. */
export class EmitInputError extends Error {
  override readonly name = 'EmitInputError';
}

/**
 * A file, which is opened when its turn has come.
 *
 * @throws EmitInputError when there is nothing to read at the path
 */
export async function fileInput(path: string): Promise<EmitInput> {
  try {
    await access(path, constants.R_OK);
    const found = await stat(path);
    if (found.isDirectory()) throw new Error('it is a directory');
    return {
      sizeBytes: found.isFile() ? found.size : undefined,
      open: () => createReadStream(path),
    };
  } catch (cause) {
    throw new EmitInputError(`cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
}

/** Ends when the signal aborts, even while the source has nothing to give. */
export async function* untilAborted<T>(
  source: AsyncIterable<T>,
  signal: AbortSignal,
): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  const END = { done: true, value: undefined } as const;
  let stop: (end: typeof END) => void = () => {};
  const onAbort = () => stop(END);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    while (!signal.aborted) {
      const result = await new Promise<IteratorResult<T>>((resolve, reject) => {
        stop = resolve;
        iterator.next().then(resolve, reject);
      });
      if (result.done) return;
      yield result.value;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    // Not awaited: a source that waits for input would answer only after the next line.
    iterator.return?.()?.catch(() => {});
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
