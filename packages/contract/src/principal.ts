import { z } from 'zod';
import { hasControlCharacter } from './text.ts';

/**
 * One identity string, `<provider>:<id>`: `google:ana@example.com`, `slack:U1`, `github:ana`.
 * Those of Google are e-mail addresses and compare without case, so they are kept in lower case.
 */
export type Principal = string;

/** The principal of a provider's user. */
export function principalOf(user: { readonly provider: string; readonly id: string }): Principal {
  return normalizePrincipal(`${user.provider}:${user.id}`);
}

export function normalizePrincipal(principal: string): Principal {
  return principal.startsWith('google:') ? principal.toLowerCase() : principal;
}

/** One half of a surrogate pair. It has no bytes: in the names of keys all of them are the same. */
const HALF_PAIR = /\p{Cs}/u;

/** Whether the text has both parts and can be told from every other one. */
export function isPrincipal(text: string): boolean {
  return /^[^:\s]+:\S/.test(text) && !hasControlCharacter(text) && !HALF_PAIR.test(text);
}

/** Takes `<provider>:<id>` with both parts present; its output is normalized. */
export const PrincipalSchema = z
  .string()
  .refine(isPrincipal, 'must be a principal, <provider>:<id>')
  .transform(normalizePrincipal)
  .meta({ description: 'A principal, <provider>:<id>', example: 'google:ana@example.com' });
