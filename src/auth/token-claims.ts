import { type Principal, PrincipalSchema } from '@tasktrail/contract';
import { z } from 'zod';
import type { UnauthorizedReason } from './auth.ts';

/** Who Google says it is, in both spellings that it uses. */
export const GOOGLE_ISSUERS: readonly string[] = [
  'accounts.google.com',
  'https://accounts.google.com',
];

/** How far a token may expire ahead. Google's live for an hour. */
export const MAX_LIFETIME_SECONDS = 86_400;

/** By how much this machine's clock may be behind Google's. */
const NOT_BEFORE_LEEWAY_SECONDS = 60;
/** As google-auth-library allows: wider than for `nbf`, which is the claim that has the say. */
const ISSUED_AT_LEEWAY_SECONDS = 300;

/**
 * `exp` and its like are seconds since 1970. Google documents `email_verified` as a boolean and
 * answers it as text elsewhere (its tokeninfo endpoint does), so both spellings count.
 */
const ClaimsSchema = z.object({
  iss: z.string(),
  aud: z.string(),
  sub: z.string().max(255).optional(),
  exp: z.number(),
  iat: z.number().positive(),
  nbf: z.number().optional(),
  email: z.string().min(1).max(320).optional(),
  email_verified: z
    .union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')])
    .optional(),
  hd: z.string().optional(),
});

type Claims = z.output<typeof ClaimsSchema>;

/** Which tokens are accepted. Domains and addresses compare without case. */
export interface ClaimRules {
  /** OAuth client ids: a token for any other application is refused. */
  readonly clientIds: readonly string[];
  /** Google Workspace domains, compared with `hd`. */
  readonly allowedDomains: readonly string[];
  readonly allowedEmails: readonly string[];
}

export type ClaimsVerdict =
  | { readonly kind: 'accepted'; readonly identity: Principal; readonly expiresAtMs: number }
  | { readonly kind: 'unauthorized'; readonly reason: UnauthorizedReason }
  /** A good token of somebody who may not use this dashboard. */
  | { readonly kind: 'forbidden'; readonly identity: Principal };

/**
 * Judges the claims of a token at a moment (`nowMs`, milliseconds since 1970). Says nothing about
 * the signature. (PROTOCOL.md, "Who may see what")
 *
 * It refuses whatever google-auth-library refuses in claims, and more: that one lets a token live
 * 300 s longer than `exp`, and does not look at `nbf`.
 */
export function judgeClaims(payload: unknown, rules: ClaimRules, nowMs: number): ClaimsVerdict {
  const claims = ClaimsSchema.safeParse(payload).data;
  if (claims === undefined) return refused('malformed');
  if (!GOOGLE_ISSUERS.includes(claims.iss)) return refused('wrong_issuer');
  if (!rules.clientIds.includes(claims.aud)) return refused('wrong_audience');

  const now = nowMs / 1000;
  if (now >= claims.exp) return refused('expired');
  if (claims.exp >= now + MAX_LIFETIME_SECONDS) return refused('malformed');
  if (claims.iat > now + ISSUED_AT_LEEWAY_SECONDS) return refused('not_yet_valid');
  if (claims.nbf !== undefined && claims.nbf > now + NOT_BEFORE_LEEWAY_SECONDS) {
    return refused('not_yet_valid');
  }

  if (!claims.sub) return refused('no_subject');
  const identity = PrincipalSchema.safeParse(identityOf(claims)).data;
  if (identity === undefined) return refused('malformed');
  return isAllowed(claims, rules)
    ? { kind: 'accepted', identity, expiresAtMs: Math.floor(claims.exp * 1000) }
    : { kind: 'forbidden', identity };
}

/**
 * Whether anybody with a Google account can sign in: a client id is public, and without a list it
 * is all that a token must name.
 */
export function admitsAnyGoogleAccount(
  rules: Pick<ClaimRules, 'allowedDomains' | 'allowedEmails'>,
): boolean {
  return rules.allowedDomains.length === 0 && rules.allowedEmails.length === 0;
}

/** An address that nobody verified may be somebody else's, so then only the account counts. */
function identityOf({ sub, email, email_verified }: Claims): string {
  return email_verified && email !== undefined ? `google:${email}` : `google-sub:${sub}`;
}

/**
 * A domain's members are those whom `hd` says so of. An address under the domain proves nothing:
 * anybody may open a consumer account with an address that they once could read.
 */
function isAllowed({ hd, email, email_verified }: Claims, rules: ClaimRules): boolean {
  if (admitsAnyGoogleAccount(rules)) return true;
  return (
    hasWithoutCase(rules.allowedDomains, hd) ||
    (email_verified === true && hasWithoutCase(rules.allowedEmails, email))
  );
}

function hasWithoutCase(list: readonly string[], text: string | undefined): boolean {
  return text !== undefined && list.some((one) => one.toLowerCase() === text.toLowerCase());
}

function refused(reason: UnauthorizedReason): ClaimsVerdict {
  return { kind: 'unauthorized', reason };
}
