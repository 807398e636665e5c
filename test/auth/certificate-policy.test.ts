import { describe, expect, test } from 'vitest';
import {
  type CertificateState,
  endsOf,
  freshForMs,
  lookUpKey,
  REFETCH_AFTER_MS,
  RETRY_AFTER_MS,
  UNDATED_KEY_MS,
  whetherToFetch,
} from '../../src/auth/certificate-policy.ts';

const T0 = 1_795_211_160_000;
const FRESH_MS = 3_600_000;

const NOTHING: CertificateState = { held: undefined, lastAttempt: undefined };
const FAILED: CertificateState = { held: undefined, lastAttempt: { atMs: T0, error: new Error() } };
/** Where the known key's certificate ends. */
const END_MS = T0 + 10 * FRESH_MS;
const held = {
  certificates: new Map([
    ['known', { pem: 'PEM', notAfterMs: END_MS }],
    ['undated', { pem: 'PUBLIC KEY', notAfterMs: undefined }],
  ]),
  fetchedAtMs: T0,
  freshForMs: FRESH_MS,
};
const HELD: CertificateState = { held, lastAttempt: { atMs: T0, error: undefined } };
const failedAt = (atMs: number): CertificateState => ({
  held,
  lastAttempt: { atMs, error: new Error() },
});

describe('whether certificates are fetched first', () => {
  test.each([
    ['nothing was tried yet', NOTHING, 'known', T0, 'first'],
    ['the first fetch has just failed', FAILED, 'known', T0 + RETRY_AFTER_MS - 1, 'none'],
    ['it failed a while ago', FAILED, 'known', T0 + RETRY_AFTER_MS, 'first'],
    ['the key is known and fresh', HELD, 'known', T0 + FRESH_MS - 1, 'none'],
    ['the key is known and stale', HELD, 'known', T0 + FRESH_MS, 'first'],
    ['the key is unknown, after a fetch', HELD, 'other', T0 + REFETCH_AFTER_MS - 1, 'none'],
    ['the key is unknown, a while after', HELD, 'other', T0 + REFETCH_AFTER_MS, 'first'],
    ['a known key is stale, just failed', failedAt(T0 + FRESH_MS), 'known', T0 + FRESH_MS, 'none'],
    [
      'a known key is stale, failed before',
      failedAt(T0 + FRESH_MS),
      'known',
      T0 + FRESH_MS + RETRY_AFTER_MS,
      'beside',
    ],
    ['a known key is fresh, failed before', failedAt(T0), 'known', T0 + RETRY_AFTER_MS, 'none'],
    ['an unknown key, just failed', failedAt(T0), 'other', T0 + RETRY_AFTER_MS - 1, 'none'],
    ['an unknown key, failed before', failedAt(T0), 'other', T0 + RETRY_AFTER_MS, 'first'],
    ['the clock went back', HELD, 'known', T0 - 1, 'first'],
    ['a known key has expired, just failed', failedAt(END_MS), 'known', END_MS, 'none'],
    [
      'a known key has expired, failed before: nothing is left to decide beside',
      failedAt(END_MS),
      'known',
      END_MS + RETRY_AFTER_MS,
      'first',
    ],
    [
      'a key without a date is stale, failed before',
      failedAt(END_MS),
      'undated',
      END_MS + RETRY_AFTER_MS,
      'beside',
    ],
  ])('when %s', (_, state, keyId, nowMs, fetching) => {
    expect(whetherToFetch(state, keyId, nowMs)).toBe(fetching);
  });
});

describe('what is said of a key', () => {
  test.each([
    ['known', HELD, 'known', T0, 'found'],
    ['known, the source is broken', failedAt(T0), 'known', END_MS - 1, 'found'],
    ['expired, the source is broken', failedAt(T0), 'known', END_MS, 'unavailable'],
    ['expired, the source answers', HELD, 'known', END_MS, 'unknown'],
    ['without a date, young', failedAt(T0), 'undated', T0 + UNDATED_KEY_MS - 1, 'found'],
    ['without a date, old', failedAt(T0), 'undated', T0 + UNDATED_KEY_MS, 'unavailable'],
    ['not known to a source that answers', HELD, 'other', T0, 'unknown'],
    ['not known, the source is broken', failedAt(T0), 'other', T0, 'unavailable'],
    ['not known, nothing was ever read', FAILED, 'known', T0, 'unavailable'],
    ['named like a method', HELD, 'constructor', T0, 'unknown'],
  ])('that is %s', (_, state, keyId, nowMs, kind) => {
    expect(lookUpKey(state, keyId, nowMs).kind).toBe(kind);
  });
});

describe('until when certificates are good', () => {
  test.each([
    [T0, [END_MS, T0 + UNDATED_KEY_MS]],
    [END_MS - 1, [END_MS, T0 + UNDATED_KEY_MS]],
    [END_MS, [T0 + UNDATED_KEY_MS]],
    [T0 + UNDATED_KEY_MS, []],
  ])('at %i', (nowMs, ends) => {
    expect(endsOf(held, nowMs)).toEqual(ends);
    expect(endsOf(undefined, nowMs)).toEqual([]);
  });
});

describe('how long certificates stay fresh', () => {
  test.each([
    [{ 'cache-control': 'public, max-age=20393, must-revalidate' }, 20_393],
    [{ 'cache-control': 'Max-Age="600"' }, 600],
    [{ 'cache-control': 'public, max-age=20393', age: '393' }, 20_000],
    [{ 'cache-control': 'max-age=600', age: 'old' }, 600],
    [{ 'cache-control': 's-maxage=7, x-max-age=8, max-age=600' }, 600],
    [{ 'cache-control': 'max-age=0' }, 60],
    [{ 'cache-control': 'max-age=100', age: '99' }, 60],
    [{ 'cache-control': 'no-store' }, 60],
    [{ 'cache-control': 'no-cache, max-age=600' }, 60],
    [{ 'cache-control': 'max-age=31536000' }, 86_400],
    [{ 'cache-control': `max-age=${'9'.repeat(400)}` }, 86_400],
    [{ 'cache-control': 'max-age=soon' }, 3600],
    [{}, 3600],
  ])('%j: %d s', (headers: Record<string, string>, seconds) => {
    expect(freshForMs(new Headers(headers))).toBe(seconds * 1000);
  });
});
