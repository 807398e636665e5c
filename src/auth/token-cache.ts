import { hash } from 'node:crypto';
import type { VerifiedClaims } from './token-claims.ts';

/**
 * Tokens that were verified, so that the next request with the same one costs no signature. Only
 * what a token says is kept, never what follows from lists that change: who may sign in, whose
 * aliases somebody has and who may emit is looked up with every request.
 *
 * Refusals are not kept. Most of them may turn good (a key that the source did not have yet, a
 * token that is not valid yet), and texts that nobody signed could push out those that count.
 */
export interface VerifiedToken {
  readonly claims: VerifiedClaims;
  /** What its signature was verified with: whoever finds it asks whether that still holds. */
  readonly keyId: string;
  readonly pem: string;
  /** Milliseconds since 1970. */
  readonly verifiedAtMs: number;
}

/** A few hundred bytes each. */
const MAX_TOKENS = 10_000;

/** Keeps those that were used last. What a token was is not kept, only its SHA-256. */
export class TokenCache {
  readonly #maxTokens: number;
  /** By digest; the one that was used last comes last. */
  readonly #tokens = new Map<string, VerifiedToken>();

  constructor(maxTokens = MAX_TOKENS) {
    this.#maxTokens = maxTokens;
  }

  /** Undefined also for one whose time is over, and when the clock went back behind its verification. */
  find(digest: string, nowMs: number): VerifiedToken | undefined {
    const found = this.#tokens.get(digest);
    if (found === undefined) return undefined;
    this.#tokens.delete(digest);
    if (nowMs >= found.claims.expiresAtMs || nowMs < found.verifiedAtMs) return undefined;
    this.#tokens.set(digest, found);
    return found;
  }

  add(digest: string, token: VerifiedToken): void {
    this.#tokens.delete(digest);
    this.#tokens.set(digest, token);
    if (this.#tokens.size <= this.#maxTokens) return;
    for (const [oldest] of this.#tokens) {
      this.#tokens.delete(oldest);
      return;
    }
  }

  drop(digest: string): void {
    this.#tokens.delete(digest);
  }
}

/** By which a token is known without being kept. */
export function digestOf(token: string): string {
  return hash('sha256', token, 'base64');
}
