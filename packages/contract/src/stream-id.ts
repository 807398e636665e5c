/**
 * Ids of Redis Streams: `<ms>-<seq>`, two unsigned 64-bit integers in decimal.
 *
 * The only module that compares them. As strings they do not compare: `…-10` sorts before `…-9`.
 */

declare const streamId: unique symbol;

/** A canonical stream id: no leading zeros, both parts within 64 bits. */
export type StreamId = string & { readonly [streamId]: true };

const CANONICAL = /^(0|[1-9]\d{0,19})-(0|[1-9]\d{0,19})$/;
const MAX_PART = '18446744073709551615';

/** The id before the first entry of any stream. */
export const STREAM_START = '0-0' as StreamId;

/** Reads a canonical stream id; undefined for anything else. */
export function parseStreamId(text: string): StreamId | undefined {
  const parts = CANONICAL.exec(text);
  if (parts === null) return undefined;
  const [, ms = '', seq = ''] = parts;
  const fits = compareDecimals(ms, MAX_PART) <= 0 && compareDecimals(seq, MAX_PART) <= 0;
  return fits ? (text as StreamId) : undefined;
}

/** Negative when `a` comes before `b` in the stream, 0 when they are the same, else positive. */
export function compareStreamIds(a: StreamId, b: StreamId): number {
  if (a === b) return 0;
  const dashA = a.indexOf('-');
  const dashB = b.indexOf('-');
  return (
    compareDecimals(a.slice(0, dashA), b.slice(0, dashB)) ||
    compareDecimals(a.slice(dashA + 1), b.slice(dashB + 1))
  );
}

/** The later of two ids. */
export function laterStreamId(a: StreamId, b: StreamId): StreamId {
  return compareStreamIds(a, b) >= 0 ? a : b;
}

/** The time part of an id, in milliseconds since 1970. Exact below 2^53. */
export function streamIdTimeMs(id: StreamId): number {
  return Number(id.slice(0, id.indexOf('-')));
}

/** Decimals without leading zeros compare by length first, so 64 bits need no BigInt. */
function compareDecimals(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}
