import { Readable } from 'node:stream';
import type { GetObjectCommandOutput, S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import { type Look, UnusableSourceError } from '../runtime/file-look.ts';
import { type ProjectsSource, readBounded } from './projects-source.ts';

export interface S3Address {
  readonly bucket: string;
  readonly key: string;
}

/** Reads `s3://bucket/key`; undefined for anything else. */
export function parseS3Address(text: string): S3Address | undefined {
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(text) ?? [];
  return bucket === undefined || key === undefined ? undefined : { bucket, key };
}

/** What one attempt may take; the caller's signal bounds a look as a whole. */
const CONNECT_TIMEOUT_MS = 2000;
const ANSWER_TIMEOUT_MS = 4000;
const MAX_ATTEMPTS = 2;

/** Stores other than AWS want some region in the signature, and mostly do not care which. */
const REGION_OF_OTHER_STORES = 'us-east-1';

const NOT_MODIFIED = 304;

/**
 * A list in an S3 object, fetched only when its ETag is another one. Region and credentials are
 * found as the AWS SDK finds them.
 *
 * The SDK is loaded by the first look: it is large, and most processes never need it.
 */
export class S3Source implements ProjectsSource {
  readonly kind = 's3';
  readonly location: string;
  readonly #address: S3Address;
  readonly #endpoint: string | undefined;
  #client: Promise<S3Client> | undefined;

  /** @param endpoint of a store other than AWS; the bucket then stands in the path */
  constructor(address: S3Address, endpoint: string | undefined) {
    this.location = `s3://${address.bucket}/${address.key}`;
    this.#address = address;
    this.#endpoint = endpoint;
  }

  async look(seen: string | undefined, signal: AbortSignal): Promise<Look> {
    const { GetObjectCommand } = await import('@aws-sdk/client-s3');
    this.#client ??= createClient(this.#endpoint);
    const client = await this.#client;
    const command = new GetObjectCommand({
      Bucket: this.#address.bucket,
      Key: this.#address.key,
      ...(seen === undefined ? {} : { IfNoneMatch: seen }),
    });
    let answer: GetObjectCommandOutput;
    try {
      answer = await client.send(command, { abortSignal: signal });
    } catch (error) {
      if (isNotModified(error)) return { kind: 'unchanged' };
      throw error;
    }
    return await lookOf(answer, seen);
  }

  close(): void {
    this.#client?.then(
      (client) => client.destroy(),
      () => undefined,
    );
  }
}

async function createClient(endpoint: string | undefined): Promise<S3Client> {
  const { S3Client } = await import('@aws-sdk/client-s3');
  const settings = {
    maxAttempts: MAX_ATTEMPTS,
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: ANSWER_TIMEOUT_MS,
      throwOnRequestTimeout: true,
    },
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
  } satisfies S3ClientConfig;
  const client = new S3Client(settings);
  if (endpoint === undefined) return client;
  try {
    await client.config.region();
    return client;
  } catch {
    client.destroy();
    return new S3Client({ ...settings, region: REGION_OF_OTHER_STORES });
  }
}

/** The SDK knows no success without an object: it throws what the store answered. */
function isNotModified(error: unknown): boolean {
  const { $metadata: answer } = error as { $metadata?: { httpStatusCode?: number } };
  return answer?.httpStatusCode === NOT_MODIFIED;
}

async function lookOf(answer: GetObjectCommandOutput, seen: string | undefined): Promise<Look> {
  const { Body: body, ETag: version } = answer;
  if (!(body instanceof Readable)) throw new UnusableSourceError('answers without contents');
  try {
    if (version === undefined) {
      throw new UnusableSourceError('answers without an ETag, by which a change could be seen');
    }
    // A store that ignores If-None-Match sends what is already known.
    if (version === seen) return { kind: 'unchanged' };
    return { kind: 'contents', version, bytes: await readBounded(body) };
  } finally {
    // Read to its end this does nothing; else it frees the connection.
    body.destroy();
  }
}
