/** One place where a list of projects is kept. It reads; judging what it read is not its job. */
export interface ProjectsSource {
  readonly kind: 's3' | 'file';
  /** For logs: which object or file. */
  readonly location: string;
  /**
   * Looks once.
   *
   * @param seen the version that was read last; its contents are not read again
   * @throws anything that reading can throw; `problemOf` says it in a few words
   */
  look(seen: string | undefined, signal: AbortSignal): Promise<Look>;
  /** Releases what looking acquired. A look that is under way fails. */
  close(): void;
}

export type Look =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'contents'; readonly version: string; readonly bytes: Uint8Array };

/** A place that can be reached, but whose answer is of no use. Messages are as `problemOf` says. */
export class ProjectsSourceError extends Error {
  override readonly name = 'ProjectsSourceError';
}

/** A list of ten thousand applications fits; what is larger is not a list of projects. */
export const MAX_LIST_BYTES = 1024 * 1024;

/**
 * Collects a stream, and destroys it when it is too large.
 *
 * @throws ProjectsSourceError when it is longer than `MAX_LIST_BYTES`
 */
export async function readBounded(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.byteLength;
    if (length > MAX_LIST_BYTES) {
      throw new ProjectsSourceError(
        `is larger than ${MAX_LIST_BYTES} bytes; keep only the list there`,
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * What a source does wrong, in words that go on from its name: `cannot be read: ENOENT`. They stay
 * the same while the reason does, so that it is logged once, and name no address; an SDK's own
 * messages carry addresses, counts and request ids.
 */
export function problemOf(error: unknown): string {
  if (!(error instanceof Error)) return 'cannot be read';
  if (error instanceof ProjectsSourceError) return error.message;
  const { code, $metadata: answer } = error as Failure;
  if (answer?.httpStatusCode !== undefined) {
    return `cannot be read: ${error.name} (HTTP ${answer.httpStatusCode})`;
  }
  // The code first: where an address has two families, the class only says that both failed.
  const className = error.name === 'Error' ? error.message : error.name;
  return `cannot be read: ${typeof code === 'string' ? code : className}`;
}

/** What errors of Node and of the AWS SDK carry besides name and message. */
type Failure = Error & {
  /** A number in a `DOMException`, where it says less than the name. */
  readonly code?: string | number;
  readonly $metadata?: { readonly httpStatusCode?: number };
};
