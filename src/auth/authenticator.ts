import { normalizePrincipal, type Principal } from '@tasktrail/contract';
import type { HealthCheck } from '../runtime/service.ts';
import { type Authenticator, ForbiddenError, type Viewer } from './auth.ts';
import { Certificates } from './certificates.ts';
import { GoogleVerifier } from './google-verifier.ts';
import { readIdentities } from './identities.ts';
import type { ClaimRules } from './token-claims.ts';
import type { Sight } from './visibility.ts';

/** The auth slice of the configuration. */
export interface AuthenticatorOptions extends ClaimRules {
  /** Where Google's certificates are: a JSON object from key id to PEM. */
  readonly certsUrl: string;
  /** Principals that see every task. */
  readonly admins: readonly string[];
  readonly enforceVisibility: boolean;
  /** Undefined: nobody has aliases. */
  readonly identitiesPath: string | undefined;
}

export interface GoogleAuthenticator extends Authenticator {
  /** For readiness details. */
  readonly certificates: HealthCheck;
}

/**
 * Makes tokens into viewers. Nothing is fetched before the first token.
 *
 * @param now milliseconds since 1970, by the machine's clock
 * @throws IdentitiesError when the identities file cannot be used
 */
export async function openAuthenticator(
  options: AuthenticatorOptions,
  now: () => number,
): Promise<GoogleAuthenticator> {
  const identities = await readIdentities(options.identitiesPath);
  const certificates = new Certificates({ url: options.certsUrl, now });
  const verifier = new GoogleVerifier(options, certificates, now);
  const admins = new Set(options.admins.map(normalizePrincipal));

  function sightOf(principals: ReadonlySet<Principal>): Sight {
    const isAdmin = [...principals].some((principal) => admins.has(principal));
    if (!options.enforceVisibility || isAdmin) return { kind: 'everything' };
    return { kind: 'own', principals };
  }

  async function authenticate(token: string): Promise<Viewer> {
    const claims = await verifier.verify(token);
    if (claims.kind === 'forbidden') throw new ForbiddenError(claims.identity);
    return {
      identity: claims.identity,
      sight: sightOf(identities.principalsOf(claims.identity)),
      tokenExpiresAtMs: claims.expiresAtMs,
    };
  }

  return { authenticate, certificates };
}
