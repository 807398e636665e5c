import { OAuth2Client } from 'google-auth-library';
import { UnauthorizedError } from './auth.ts';
import type { Certificates } from './certificates.ts';
import { readIdToken } from './id-token.ts';
import {
  type ClaimRules,
  type ClaimsVerdict,
  GOOGLE_ISSUERS,
  judgeClaims,
  MAX_LIFETIME_SECONDS,
} from './token-claims.ts';

/** What may be said of a token that Google signed and that is valid now. */
export type VerifiedClaims = Exclude<ClaimsVerdict, { readonly kind: 'unauthorized' }>;

/**
 * Google ID tokens. In the order of what a bad one costs: its structure, its claims, the certificate
 * for its key, its signature; then the claims again, since fetching took time.
 *
 * Claims that nobody signed are good for refusing a token and for nothing else: whether its holder
 * is forbidden is said only once the signature holds.
 */
export class GoogleVerifier {
  readonly #client = new OAuth2Client();
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
    const reading = readIdToken(token);
    if (reading.kind === 'refused') throw new UnauthorizedError(reading.reason);
    this.#judge(reading.payload);
    const pem = await this.#certificates.find(reading.keyId);
    if (pem === undefined) throw new UnauthorizedError('unknown_key');
    const isAccepted = await this.#isAccepted(token, { [reading.keyId]: pem });
    const claims = this.#judge(reading.payload);
    // With claims that are in order, nothing but the signature is left to be wrong.
    if (!isAccepted) throw new UnauthorizedError('bad_signature');
    return claims;
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
    return verdict;
  }
}
