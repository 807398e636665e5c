import type { Principal } from '@tasktrail/contract';
import type { Sight } from './visibility.ts';

/**
 * Auth: a token becomes a viewer, a viewer has principals, and principals decide what is seen.
 *
 * `token-source.ts` finds the token of a request; `id-token.ts` takes it apart; `token-claims.ts`
 * is the pure judgement of its claims; `google-verifier.ts` adds the signature, by
 * google-auth-library, and `certificates.ts` the keys for it; `members.ts` holds who may sign in,
 * `identities.ts` the aliases of a person. `producers.ts` is who may emit: by API key (`api-key.ts`) or account, and to which projects
 * (`project-pattern.ts`). `authenticator.ts` is all of it together. `visibility.ts` holds the one predicate.
 */
export interface Viewer extends Account {
  readonly sight: Sight;
  /** Milliseconds since 1970: nothing that this token opened may outlive it. */
  readonly tokenExpiresAtMs: number;
}

/** Whose token it is. */
export interface Account {
  /** `google:<email>` where the e-mail address is verified, else `google-sub:<sub>`. */
  readonly identity: Principal;
  /** The Google Workspace domain that it is a member of, in lower case. */
  readonly domain?: string | undefined;
}

export interface Authenticator {
  /**
   * @throws UnauthorizedError when the token is not valid now
   * @throws ForbiddenError when it is, but its holder may not use this dashboard
   * @throws CertificatesUnavailableError when it cannot be judged now
   */
  authenticate(token: string): Promise<Viewer>;
}

/** What viewers who have signed in may see: it changes while they are there. */
export interface ViewerRights {
  /** As for a request that is made now; undefined: they may no longer use the dashboard. */
  sightOf(account: Account): Sight | undefined;
  /** Has a listener called after every change of what decides it. */
  onChange(listener: () => void): void;
}

/** Who may emit over HTTP: an entry of the producers file. */
export interface Producer {
  /** As the file names it. */
  readonly name: string;
  /** Whether it may write to this project, and so to every task of it. */
  mayWrite(project: string): boolean;
  /** Whether it may write to every project there may ever be. */
  readonly mayWriteAll: boolean;
}

export interface ProducerAuthenticator {
  /**
   * @param token an API key, or the Google ID token of a service account
   * @throws ProducerRefusedError when it is neither, or not of a producer
   * @throws CertificatesUnavailableError when it cannot be judged now
   */
  authenticateProducer(token: string): Promise<Producer>;
}

/** What of a request may carry a token. */
export interface TokenCarriers {
  /** Names and values in turn, as Node gives them: a repeated header is seen only here. */
  readonly rawHeaders: readonly string[];
  /** Every `authToken` of the query. */
  readonly queryTokens: readonly string[];
}

/** The one token of a request, or why there is none to judge. */
export type TokenFinding =
  | { readonly kind: 'found'; readonly token: string }
  | {
      readonly kind: 'refused';
      readonly reason: Extract<UnauthorizedReason, 'no_token' | 'several_tokens' | 'malformed'>;
    };

/** Why a token was refused: for logs and metrics only, so that an answer reveals nothing. */
export type UnauthorizedReason =
  | 'no_token'
  | 'several_tokens'
  | 'malformed'
  | 'wrong_algorithm'
  | 'unknown_key'
  | 'bad_signature'
  | 'wrong_issuer'
  | 'wrong_audience'
  | 'expired'
  | 'not_yet_valid'
  | 'no_subject'
  | 'unknown_api_key';

export class UnauthorizedError extends Error {
  override readonly name = 'UnauthorizedError';
  readonly reason: UnauthorizedReason;

  constructor(reason: UnauthorizedReason) {
    super(`the token was refused: ${reason}`);
    this.reason = reason;
  }
}

/** Whoever it is may not emit: `unauthorized` is not known, `forbidden` is no producer. */
export class ProducerRefusedError extends Error {
  override readonly name = 'ProducerRefusedError';
  readonly kind: 'unauthorized' | 'forbidden';
  /** For logs and metrics only. */
  readonly reason: string;

  constructor(kind: 'unauthorized' | 'forbidden', reason: string) {
    super(`may not emit: ${reason}`);
    this.kind = kind;
    this.reason = reason;
  }
}

export class ForbiddenError extends Error {
  override readonly name = 'ForbiddenError';
  readonly identity: Principal;

  constructor(identity: Principal) {
    super('this account is in none of the allowed domains and addresses');
    this.identity = identity;
  }
}

export class CertificatesUnavailableError extends Error {
  override readonly name = 'CertificatesUnavailableError';
}
