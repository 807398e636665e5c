import { type Look, readingProblemOf, readUpTo } from '../runtime/file-look.ts';

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

/** A list of ten thousand applications fits; what is larger is not a list of projects. */
export const MAX_LIST_BYTES = 1024 * 1024;

/** @throws UnusableSourceError when the stream is longer than `MAX_LIST_BYTES` */
export async function readBounded(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  return await readUpTo(MAX_LIST_BYTES, stream);
}

/**
 * What a source does wrong, in words that go on from its name: `cannot be read: ENOENT`. An SDK's
 * own messages carry addresses, counts and request ids.
 */
export function problemOf(error: unknown): string {
  if (error instanceof Error) {
    const { $metadata: answer } = error as AwsFailure;
    if (answer?.httpStatusCode !== undefined) {
      return `cannot be read: ${error.name} (HTTP ${answer.httpStatusCode})`;
    }
  }
  return readingProblemOf(error);
}

/** What errors of the AWS SDK carry besides name and message. */
type AwsFailure = Error & {
  readonly $metadata?: { readonly httpStatusCode?: number };
};
