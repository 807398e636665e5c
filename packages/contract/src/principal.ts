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

/** Takes `<provider>:<id>` with both parts present; its output is normalized. */
export const PrincipalSchema = z
  .string()
  .refine(
    (text) => /^[^:\s]+:\S/.test(text) && !hasControlCharacter(text),
    'must be a principal, <provider>:<id>',
  )
  .transform(normalizePrincipal)
  .meta({ description: 'A principal, <provider>:<id>', example: 'google:ana@example.com' });
