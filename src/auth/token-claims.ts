import { PrincipalSchema } from '@tasktrail/contract';
import { z } from 'zod';
import type { Account, UnauthorizedReason } from './auth.ts';

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

/** Which tokens are accepted, whoever's they are. */
export interface ClaimRules {
  /** OAuth client ids: a token for any other application is refused. */
  readonly clientIds: readonly string[];
}

/** What a token says that Google signed and that is valid now. */
export interface VerifiedClaims extends Account {
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
}

export type ClaimsVerdict =
  | { readonly kind: 'accepted'; readonly claims: VerifiedClaims }
  | { readonly kind: 'unauthorized'; readonly reason: UnauthorizedReason };

/**
 * Judges the claims of a token at a moment (`nowMs`, milliseconds since 1970). Says nothing about
 * the signature, nor of whether its holder may sign in here, which may change while the token lives.
 * (PROTOCOL.md, "Who may see what")
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
  const expiresAtMs = Math.floor(claims.exp * 1000);
  return { kind: 'accepted', claims: { identity, domain: domainOf(claims), expiresAtMs } };
}

/**
 * Whether anybody with a Google account can sign in: a client id is public, and without a list it
 * is all that a token must name. A members file is a list, also while it names nobody.
 */
export function admitsAnyGoogleAccount(rules: {
  readonly allowedDomains: readonly string[];
  readonly allowedEmails: readonly string[];
  readonly membersPath?: string | undefined;
}): boolean {
  const { allowedDomains, allowedEmails, membersPath } = rules;
  return allowedDomains.length === 0 && allowedEmails.length === 0 && membersPath === undefined;
}

/**
 * The only letters outside ASCII whose lower case has letters of ASCII: a Kelvin sign would make
 * somebody else's address that of `kim@example.com`.
 */
const BECOMES_ASCII = /[\u0130\u212a]/;

/** An address that nobody verified may be somebody else's, so then only the account counts. */
function identityOf({ sub, email, email_verified }: Claims): string {
  const isProven = email_verified && email !== undefined && !BECOMES_ASCII.test(email);
  return isProven ? `google:${email}` : `google-sub:${sub}`;
}

/**
 * A domain's members are those whom `hd` says so of. An address under the domain proves nothing:
 * anybody may open a consumer account with an address that they once could read.
 */
function domainOf({ hd }: Claims): string | undefined {
  return hd === undefined || BECOMES_ASCII.test(hd) ? undefined : hd.toLowerCase();
}

function refused(reason: UnauthorizedReason): ClaimsVerdict {
  return { kind: 'unauthorized', reason };
}
