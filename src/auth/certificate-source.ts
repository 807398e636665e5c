import { createPublicKey, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import type { Certificate } from './certificate-policy.ts';

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
  /** By key id; at least one. */
  readonly certificates: ReadonlyMap<string, Certificate>;
  readonly headers: Headers;
}

/**
 * Asks the source once. It is not this function's job to try again or to remember anything.
 *
 * @param now milliseconds since 1970
 * @throws CertificateSourceError
 */
export async function fetchCertificates(
  url: string,
  now: () => number,
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
    const text = await readText(response);
    return { certificates: parseCertificates(text, now()), headers: response.headers };
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
 * kind of key beside the old ones locks nobody out, and so are those whose time is over.
 *
 * @throws CertificateSourceError when nothing usable is left
 */
export function parseCertificates(text: string, nowMs: number): ReadonlyMap<string, Certificate> {
  const answer = AnswerSchema.safeParse(parseJson(text)).data;
  if (answer === undefined) {
    throw new CertificateSourceError('it answered with something else than keys and PEM texts');
  }
  const certificates = new Map<string, Certificate>();
  for (const [keyId, pem] of Object.entries(answer)) {
    const certificate = parsePem(pem);
    if (certificate !== undefined) certificates.set(keyId, certificate);
  }
  if (certificates.size === 0) {
    throw new CertificateSourceError('it answered without any RSA certificate');
  }
  for (const [keyId, { notAfterMs }] of certificates) {
    if (notAfterMs !== undefined && nowMs >= notAfterMs) certificates.delete(keyId);
  }
  if (certificates.size === 0) {
    throw new CertificateSourceError(
      'it answered with expired certificates alone; is the clock of this machine right?',
    );
  }
  return certificates;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Undefined for what is no RSA key. */
function parsePem(pem: string): Certificate | undefined {
  try {
    if (createPublicKey(pem).asymmetricKeyType !== 'rsa') return undefined;
    return { pem, notAfterMs: endOfCertificate(pem) };
  } catch {
    return undefined;
  }
}

function endOfCertificate(pem: string): number | undefined {
  if (!pem.includes('BEGIN CERTIFICATE')) return undefined;
  return new X509Certificate(pem).validToDate.getTime();
}
