import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/** What one look at something that may change found: its contents, unless they are known already. */
export type Look =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'contents'; readonly version: string; readonly bytes: Uint8Array };

/** What was looked at can be reached, but is of no use. Messages are as `readingProblemOf` says. */
export class UnusableSourceError extends Error {
  override readonly name = 'UnusableSourceError';
}

/**
 * Looks at a file once. Its version is what a write or a replacement changes: time, size, inode.
 * Version and contents are those of one open file, however often its name is replaced.
 *
 * @param seen the version that was read last; its contents are not read again
 * @throws anything that reading can throw; `readingProblemOf` says it in a few words
 */
export async function lookAtFile(
  path: string,
  seen: undefined,
  maxBytes: number,
): Promise<Extract<Look, { readonly kind: 'contents' }>>;
export async function lookAtFile(
  path: string,
  seen: string | undefined,
  maxBytes: number,
): Promise<Look>;
export async function lookAtFile(
  path: string,
  seen: string | undefined,
  maxBytes: number,
): Promise<Look> {
  // Without O_NONBLOCK, opening a named pipe would wait for its writer for ever.
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const stat = await file.stat({ bigint: true });
  if (!stat.isFile()) throw new UnusableSourceError('is not a regular file; name one');
  const version = `${stat.mtimeNs}-${stat.size}-${stat.ino}`;
  if (version === seen) return { kind: 'unchanged' };
  const bytes = await readUpTo(maxBytes, file.createReadStream({ autoClose: false }));
  return { kind: 'contents', version, bytes };
}

/**
 * Collects a stream, and destroys it when it is too large.
 *
 * @throws UnusableSourceError when it is longer than `maxBytes`
 */
export async function readUpTo(
  maxBytes: number,
  stream: AsyncIterable<Uint8Array>,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.byteLength;
    if (length > maxBytes) {
      throw new UnusableSourceError(`is larger than ${maxBytes} bytes; keep nothing else there`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * Why something could not be read, in words that go on from its name: `cannot be read: ENOENT`.
 * They stay the same while the reason does, so that it is logged once, and name no address.
 */
export function readingProblemOf(error: unknown): string {
  if (!(error instanceof Error)) return 'cannot be read';
  if (error instanceof UnusableSourceError) return error.message;
  // The code first: where an address has two families, the class only says that both failed. That
  // of a `DOMException` is a number, which says less than its name.
  const { code } = error as { readonly code?: string | number };
  const className = error.name === 'Error' ? error.message : error.name;
  return `cannot be read: ${typeof code === 'string' ? code : className}`;
}
