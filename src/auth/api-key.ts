import { createHash, timingSafeEqual } from 'node:crypto';

/** API keys: `ttk_` and 32 random bytes, base64url. Only their SHA-256 is ever kept. */

const PREFIX = 'ttk_';
const RANDOM_BYTES = 32;

/** @param randomBytes of a cryptographic source */
export function newApiKey(randomBytes: (size: number) => Buffer): string {
  return PREFIX + randomBytes(RANDOM_BYTES).toString('base64url');
}

/** Whether a bearer token is meant as a key. No other token begins like one. */
export function isApiKey(token: string): boolean {
  return token.startsWith(PREFIX);
}

/** SHA-256, unsalted: what is random on 32 bytes is in no table, and is found without guessing. */
export function hashApiKey(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/**
 * The one of these whose key was presented. Every one is compared, in constant time and to the end,
 * so that an answer's time tells neither how much of a key was right nor where its entry is; and a
 * text that can be no key is hashed and compared like any other.
 *
 * @param isEqual a parameter so that tests see every comparison
 */
export function findByApiKey<T extends { readonly keyHash: Buffer }>(
  presented: string,
  candidates: readonly T[],
  isEqual: (a: Buffer, b: Buffer) => boolean = timingSafeEqual,
): T | undefined {
  const hash = hashApiKey(presented);
  let found: T | undefined;
  for (const candidate of candidates) {
    if (isEqual(candidate.keyHash, hash)) found = candidate;
  }
  return found;
}
