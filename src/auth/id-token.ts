import { z } from 'zod';
import type { UnauthorizedReason } from './auth.ts';

/** Characters. Google's tokens are about 1 KiB; a longer one is not worth decoding. */
const MAX_TOKEN_LENGTH = 16 * 1024;

const SEGMENT = /^[A-Za-z0-9_-]+$/;

const HeaderSchema = z.object({
  alg: z.string(),
  kid: z.string().min(1).optional(),
  /** Extensions that a reader must understand (RFC 7515, section 4.1.11). */
  crit: z.unknown().optional(),
});

/** A token taken apart. Nothing of it is proven: anybody can write such a token. */
export type IdTokenReading =
  | {
      readonly kind: 'read';
      readonly keyId: string;
      /** Any JSON value, or undefined where it is none. */
      readonly payload: unknown;
    }
  | { readonly kind: 'refused'; readonly reason: UnauthorizedReason };

/**
 * Structure and header of a token, before anything is computed or fetched for it. The algorithm is
 * settled here, since a verifier that takes it from the token lets the token choose how it is
 * verified: by nothing (`none`), or with the public key as a shared secret (`HS256`).
 */
export function readIdToken(token: string): IdTokenReading {
  if (token.length > MAX_TOKEN_LENGTH) return MALFORMED;
  const segments = token.split('.');
  if (segments.length !== 3) return MALFORMED;
  const [headerSegment = '', payloadSegment = '', signature = ''] = segments;
  const header = HeaderSchema.safeParse(decode(headerSegment)).data;
  if (header === undefined) return MALFORMED;
  // Before the signature is looked at: that of `alg: none` is empty.
  if (header.alg !== 'RS256') return { kind: 'refused', reason: 'wrong_algorithm' };
  if (header.kid === undefined || header.crit !== undefined) return MALFORMED;
  if (!SEGMENT.test(signature)) return MALFORMED;
  return { kind: 'read', keyId: header.kid, payload: decode(payloadSegment) };
}

const MALFORMED: IdTokenReading = { kind: 'refused', reason: 'malformed' };

/** The JSON value of a segment, or undefined: what JSON.parse throws would quote the token. */
function decode(segment: string): unknown {
  if (!SEGMENT.test(segment)) return undefined;
  try {
    return JSON.parse(Buffer.from(segment, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}
