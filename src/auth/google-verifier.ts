import { OAuth2Client } from 'google-auth-library';
import { UnauthorizedError } from './auth.ts';
import type { Certificates } from './certificates.ts';
import { readIdToken } from './id-token.ts';
import { digestOf, TokenCache, type VerifiedToken } from './token-cache.ts';
import {
  type ClaimRules,
  GOOGLE_ISSUERS,
  judgeClaims,
  MAX_LIFETIME_SECONDS,
  type VerifiedClaims,
} from './token-claims.ts';

/**
 * Google ID tokens. In the order of what a bad one costs: its structure, its claims, the certificate
 * for its key, its signature; then the claims again, since fetching took time. One that was verified
 * before is known again, as long as it lives and its key is the source's.
 *
 * Claims that nobody signed are good for refusing a token and for nothing else: what they say of its
 * holder is given only once the signature holds.
 */
export class GoogleVerifier {
  readonly #client = new OAuth2Client();
  readonly #verified = new TokenCache();
  readonly #rules: ClaimRules;
  readonly #certificates: Certificates;
  readonly #now: () => number;

  /**
   * @param now milliseconds since 1970; it has to go with the machine's clock, by which
   *   google-auth-library judges too
   */
  constructor(rules: ClaimRules, certificates: Certificates, now: () => number) {
    this.#rules = rules;
    this.#certificates = certificates;
    this.#now = now;
  }

  /**
   * @throws UnauthorizedError
   * @throws CertificatesUnavailableError
   */
  async verify(token: string): Promise<VerifiedClaims> {
    const digest = digestOf(token);
    const known = await this.#recall(digest);
    if (known !== undefined) return known;
    const verified = await this.#verifyAnew(token);
    this.#verified.add(digest, verified);
    return verified.claims;
  }

  /** What is known of a token that was verified before, if that still holds. */
  async #recall(digest: string): Promise<VerifiedClaims | undefined> {
    const known = this.#verified.find(digest, this.#now());
    if (known === undefined) return undefined;
    // Certificates are fetched when it is time, as for any token, or else nobody would learn that
    // the source has withdrawn the key.
    const pem = await this.#certificates.find(known.keyId);
    if (pem === known.pem && this.#now() < known.claims.expiresAtMs) return known.claims;
    this.#verified.drop(digest);
    return undefined;
  }

  async #verifyAnew(token: string): Promise<VerifiedToken> {
    const reading = readIdToken(token);
    if (reading.kind === 'refused') throw new UnauthorizedError(reading.reason);
    this.#judge(reading.payload);
    const pem = await this.#certificates.find(reading.keyId);
    if (pem === undefined) throw new UnauthorizedError('unknown_key');
    const isAccepted = await this.#isAccepted(token, { [reading.keyId]: pem });
    const claims = this.#judge(reading.payload);
    // With claims that are in order, nothing but the signature is left to be wrong.
    if (!isAccepted) throw new UnauthorizedError('bad_signature');
    return { claims, keyId: reading.keyId, pem, verifiedAtMs: this.#now() };
  }

  /** Whether google-auth-library accepts it. Its errors quote the token, so they end here, unread. */
  async #isAccepted(token: string, certificates: Record<string, string>): Promise<boolean> {
    try {
      await this.#client.verifySignedJwtWithCertsAsync(
        token,
        certificates,
        [...this.#rules.clientIds],
        [...GOOGLE_ISSUERS],
        MAX_LIFETIME_SECONDS,
      );
      return true;
    } catch {
      return false;
    }
  }

  #judge(payload: unknown): VerifiedClaims {
    const verdict = judgeClaims(payload, this.#rules, this.#now());
    if (verdict.kind === 'unauthorized') throw new UnauthorizedError(verdict.reason);
    return verdict.claims;
  }
}
