import type { TokenCarriers, TokenFinding } from './auth.ts';

/** The characters of a bearer token (RFC 6750, section 2.1). */
const BEARER_TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

/**
 * The token of a request: `Authorization: Bearer`, or else `authToken` of the query, for an
 * `EventSource` that cannot set headers. Where both are there the query is not looked at.
 *
 * A second token is refused rather than passed over: two parties that pick different ones of two
 * would see two different viewers. A header of another scheme is for somebody else, a proxy's
 * password for one, and counts as none.
 */
export function bearerToken({ rawHeaders, queryTokens }: TokenCarriers): TokenFinding {
  const headers = rawHeaders.filter(
    (_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === 'authorization',
  );
  if (headers.length > 1) return { kind: 'refused', reason: 'several_tokens' };
  const credentials = /^bearer(?:\s(.*))?$/is.exec(headers[0]?.trim() ?? '');
  if (credentials !== null) return judge(credentials[1]?.trim() ?? '');
  if (queryTokens.length > 1) return { kind: 'refused', reason: 'several_tokens' };
  const [queryToken = ''] = queryTokens;
  return queryToken === '' ? { kind: 'refused', reason: 'no_token' } : judge(queryToken);
}

function judge(token: string): TokenFinding {
  // Proxies join repeated headers with commas.
  if (token.includes(',')) return { kind: 'refused', reason: 'several_tokens' };
  return BEARER_TOKEN.test(token)
    ? { kind: 'found', token }
    : { kind: 'refused', reason: 'malformed' };
}
