import { createPublicKey } from 'node:crypto';
import { z } from 'zod';

/** Connecting, waiting and reading together. */
const TIMEOUT_MS = 5000;
/** Google's answer is about 2 KB. */
const MAX_BYTES = 256 * 1024;

const AnswerSchema = z.record(z.string(), z.string());

/** The source did not give usable certificates. The message says why, for a person. */
export class CertificateSourceError extends Error {
  override readonly name = 'CertificateSourceError';
}

export interface CertificateAnswer {
  /** From key id to PEM; at least one. */
  readonly pems: ReadonlyMap<string, string>;
  readonly headers: Headers;
}

/**
 * Asks the source once. It is not this function's job to try again or to remember anything.
 *
 * @throws CertificateSourceError
 */
export async function fetchCertificates(
  url: string,
  timeoutMs = TIMEOUT_MS,
): Promise<CertificateAnswer> {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    // A redirect could lead to plain http or to a host that nobody configured.
    const response = await fetch(url, { redirect: 'error', signal: timeout });
    if (!response.ok) {
      await response.body?.cancel();
      throw new CertificateSourceError(`it answered with status ${response.status}`);
    }
    return { pems: parseCertificates(await readText(response)), headers: response.headers };
  } catch (error) {
    if (error instanceof CertificateSourceError) throw error;
    if (timeout.aborted) {
      throw new CertificateSourceError(`it did not answer within ${timeoutMs} ms`);
    }
    throw new CertificateSourceError('it could not be reached', { cause: error });
  }
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_BYTES) {
      throw new CertificateSourceError(`it answered with more than ${MAX_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * Reads a JSON object from key id to PEM. Entries that RS256 cannot use are left out, so that a new
 * kind of key beside the old ones locks nobody out.
 *
 * @throws CertificateSourceError when nothing usable is left
 */
export function parseCertificates(text: string): ReadonlyMap<string, string> {
  const answer = AnswerSchema.safeParse(parseJson(text)).data;
  if (answer === undefined) {
    throw new CertificateSourceError('it answered with something else than keys and PEM texts');
  }
  const pems = new Map(Object.entries(answer).filter(([, pem]) => isRsa(pem)));
  if (pems.size === 0) throw new CertificateSourceError('it answered without any RSA certificate');
  return pems;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRsa(pem: string): boolean {
  try {
    return createPublicKey(pem).asymmetricKeyType === 'rsa';
  } catch {
    return false;
  }
}
