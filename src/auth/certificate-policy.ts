/**
 * When signing certificates are fetched, and how long they are good for: the decisions, without
 * clock or network. All times are milliseconds, moments since 1970.
 */

/** Between fetches, whatever asks for one: keys that nobody knows cost an attacker nothing. */
export const REFETCH_AFTER_MS = 10_000;
/** The same after a failure: somebody waits for the source to come back. */
export const RETRY_AFTER_MS = 2_000;

/** For a source that does not say how long. */
const DEFAULT_FRESH_MS = 3_600_000;
const MIN_FRESH_MS = 60_000;
const MAX_FRESH_MS = 86_400_000;

/**
 * For a bare public key, which does not say until when it is good, counted from the fetch that
 * brought it: about as long as Google itself goes on with a key.
 */
export const UNDATED_KEY_MS = 7 * 86_400_000;

export interface Certificate {
  readonly pem: string;
  /** Its own end, after which it proves nothing; undefined for a bare public key. */
  readonly notAfterMs: number | undefined;
}

/** Good certificates, as one fetch brought them. */
export interface CertificateSet {
  /** By key id. */
  readonly certificates: ReadonlyMap<string, Certificate>;
  readonly fetchedAtMs: number;
  readonly freshForMs: number;
}

export interface CertificateState {
  /** The last good ones; undefined before the first. */
  readonly held: CertificateSet | undefined;
  /** When the last fetch ended, and why it brought nothing, if it did not. */
  readonly lastAttempt: { readonly atMs: number; readonly error: Error | undefined } | undefined;
}

/**
 * Whether certificates are fetched before a key is looked up:
 * - `none`: what is held decides;
 * - `first`: it decides after the fetch;
 * - `beside`: what is held decides now, and the fetch is for later ones. So while the source hangs,
 *   viewers with a known key do not hang with it.
 */
export type Fetching = 'none' | 'first' | 'beside';

export function whetherToFetch(state: CertificateState, keyId: string, nowMs: number): Fetching {
  const { held, lastAttempt } = state;
  const isKnown = validCertificate(held, keyId, nowMs) !== undefined;
  const isFresh = held !== undefined && isWithin(held.fetchedAtMs, held.freshForMs, nowMs);
  if (isKnown && isFresh) return 'none';
  if (lastAttempt === undefined) return 'first';
  const hasFailed = lastAttempt.error !== undefined;
  const pauseMs = hasFailed ? RETRY_AFTER_MS : REFETCH_AFTER_MS;
  if (isWithin(lastAttempt.atMs, pauseMs, nowMs)) return 'none';
  return isKnown && hasFailed ? 'beside' : 'first';
}

/** What the held certificates say of a key. */
export type KeyLookup =
  | { readonly kind: 'found'; readonly pem: string }
  /** The source was asked and answered: there is no such key. */
  | { readonly kind: 'unknown' }
  /** There may be such a key, but the source does not answer. */
  | { readonly kind: 'unavailable'; readonly error: Error | undefined };

export function lookUpKey(
  { held, lastAttempt }: CertificateState,
  keyId: string,
  nowMs: number,
): KeyLookup {
  const certificate = validCertificate(held, keyId, nowMs);
  if (certificate !== undefined) return { kind: 'found', pem: certificate.pem };
  return lastAttempt !== undefined && lastAttempt.error === undefined
    ? { kind: 'unknown' }
    : { kind: 'unavailable', error: lastAttempt?.error };
}

/** That of a key, unless its time is over: an outage of the source makes none of them live longer. */
function validCertificate(
  held: CertificateSet | undefined,
  keyId: string,
  nowMs: number,
): Certificate | undefined {
  const certificate = held?.certificates.get(keyId);
  if (held === undefined || certificate === undefined) return undefined;
  return nowMs < endOf(certificate, held) ? certificate : undefined;
}

/** When each of the certificates that are still valid ends, the first of them first. */
export function endsOf(held: CertificateSet | undefined, nowMs: number): number[] {
  if (held === undefined) return [];
  const ends = [...held.certificates.values()].map((certificate) => endOf(certificate, held));
  return ends.filter((endMs) => nowMs < endMs).toSorted((a, b) => a - b);
}

function endOf({ notAfterMs }: Certificate, { fetchedAtMs }: CertificateSet): number {
  return notAfterMs ?? fetchedAtMs + UNDATED_KEY_MS;
}

/**
 * How long an answer stays fresh by its Cache-Control and Age (RFC 9111, section 4.2), within
 * bounds: a source that says nothing or `no-cache` is not asked for every token, and one that says
 * a year does not keep a withdrawn key.
 */
export function freshForMs(headers: Headers): number {
  const cacheControl = headers.get('cache-control') ?? '';
  const maxAge = /(?:^|,)\s*max-age\s*=\s*"?(\d+)/i.exec(cacheControl)?.[1];
  if (/(?:^|,)\s*no-(?:store|cache)\s*(?:,|$)/i.test(cacheControl)) return MIN_FRESH_MS;
  if (maxAge === undefined) return DEFAULT_FRESH_MS;
  const age = /^\d+$/.exec(headers.get('age') ?? '')?.[0] ?? '0';
  const freshMs = (Number(maxAge) - Number(age)) * 1000;
  return Math.min(MAX_FRESH_MS, Math.max(MIN_FRESH_MS, freshMs));
}

/** False also when the clock went back, so that it cannot keep anything for longer. */
function isWithin(sinceMs: number, durationMs: number, nowMs: number): boolean {
  return nowMs >= sinceMs && nowMs - sinceMs < durationMs;
}
