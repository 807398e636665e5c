import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { eventually } from '../fixtures/facts.ts';
import { forgeTokens, useGoogle } from '../fixtures/google.ts';
import { useRedis } from '../fixtures/redis.ts';
import { headerTexts, mutated, mutatedJson, nastyTexts } from './arbitraries.ts';
import { attack, type HostileRequest, startTarget } from './hostile.ts';
import { fill, type Known, leaksOf } from './known.ts';

const redis = useRedis();
const google = useGoogle();

const PATHS = [
  '/dashboard/tasks',
  '/dashboard/tasks/run-1',
  '/dashboard/tasks/run-2',
  '/dashboard/projects',
] as const;
const STREAM = '/dashboard/tasks/stream';

test('whatever a dashboard asks, the answer is no failure, and costs little', async () => {
  const target = await startTarget(redis, google);
  const known = await fill(target, redis, google);
  const queries = hostileQueries(known);
  const paths = fc.oneof(
    fc.constantFrom(...PATHS),
    fc.constantFrom('/openapi.json', '/healthz', '/readyz', '/events', '/metrics', '/'),
    nastyTexts.map((text) => `/dashboard/tasks/${encodeURIComponent(text.toWellFormed())}`),
    mutated(fc.constantFrom(...PATHS)).map(asTarget),
    mutated(fc.constantFrom(...PATHS)).map((path) => `//${asTarget(path)}`),
    fc.constantFrom('*', 'http://[', 'http://evil.example.com/dashboard/tasks', '/\\', '//'),
  );
  const leaks = leaksOf(known);
  const met = await attack(
    target,
    requestsOf(paths, queries, known.tokens),
    3500,
    leaks.expectNone,
  );
  expect(leaks.shownToRoot()).toBeGreaterThan(0);
  expect([...met.keys()]).toEqual(expect.arrayContaining([200, 400, 401, 403, 404, 405]));
  await target.expectAlive();
}, 120_000);

test('while Redis is away, nothing that is asked is answered with a word of it', async () => {
  const target = await startTarget(redis, google);
  const known = await fill(target, redis, google);
  await redis.server.kill();
  const paths = fc.constantFrom(...PATHS, STREAM, '/openapi.json', '/healthz', '/readyz');
  const requests = requestsOf(paths, hostileQueries(known), known.tokens);
  const leaks = leaksOf(known);
  const met = await attack(target, requests, 500, leaks.expectNone);
  expect([...met.keys()]).toEqual(expect.arrayContaining([200, 400, 401, 503]));
  await redis.server.restart();
  const probe = { method: 'GET', target: '/readyz', headers: {} };
  await eventually(async () => expect((await target.send(probe)).status).toBe(200));
}, 120_000);

test('whatever the admin port is asked, it has probes and metrics and nothing else', async () => {
  const target = await startTarget(redis, google);
  const known = await fill(target, redis, google);
  const paths = fc.oneof(
    fc.constantFrom('/metrics', '/healthz', '/readyz', ...PATHS, '/openapi.json', '/'),
    mutated(fc.constantFrom('/metrics', '/readyz')).map(asTarget),
  );
  const requests = requestsOf(paths, hostileQueries(known), known.tokens);
  const leaks = leaksOf(known);
  const met = await attack({ send: target.sendAdmin }, requests, 500, leaks.expectNone);
  expect([...met.keys()]).toEqual(expect.arrayContaining([200, 404, 405]));
  expect(leaks.shownToRoot()).toBe(0);
  await target.expectAlive();
}, 120_000);

test('whatever cursor a walk brings, it is a place in the walk or refused', async () => {
  const target = await startTarget(redis, google);
  const { tokens, pageCursor } = await fill(target, redis, google);
  const fields: unknown[] = JSON.parse(
    Buffer.from(pageCursor.split('.')[1] ?? '', 'base64url').toString(),
  );
  expect(sealed(fields)).toBe(pageCursor);
  const [position, digest] = fields;
  const cursors = fc.oneof(
    mutated(fc.constant(pageCursor)),
    mutatedJson(fc.constant(fields)).map(sealed),
    fc
      .tuple(fc.constant(position), fc.constant(digest), fc.maxSafeInteger(), nastyTexts)
      .map(sealed),
    nastyTexts,
  );
  const leaks = leaksOf({ tokens });
  const walks = fc
    .tuple(cursors, fc.constantFrom(tokens.root, tokens.ana))
    .map(([cursor, token]) => ({
      method: 'GET',
      target: `/dashboard/tasks?limit=5&cursor=${encodeURIComponent(cursor.toWellFormed())}`,
      headers: { authorization: `Bearer ${token}` },
    }));
  const met = await attack(target, walks, 1000, leaks.expectNone);
  expect(leaks.shownToRoot()).toBeGreaterThan(0);
  expect([...met.keys()].toSorted()).toEqual([200, 400]);
  await target.expectAlive();
}, 120_000);

test('whatever opens a stream, it begins as one or is refused', async () => {
  const target = await startTarget(redis, google);
  const known = await fill(target, redis, google);
  const requests = requestsOf(fc.constant(STREAM), hostileQueries(known), known.tokens, {
    'last-event-id': fc.oneof(
      mutated(fc.constant(known.streamCursor)).map(asHeader),
      headerTexts,
      fc.constantFrom(
        known.replayCursor,
        known.streamCursor,
        '0-1',
        '18446744073709551615-18446744073709551615',
      ),
    ),
  });
  const leaks = leaksOf(known);
  const met = await attack(target, requests, 1500, leaks.expectNone);
  expect(leaks.shownToRoot()).toBeGreaterThan(0);
  expect([...met.keys()]).toEqual(expect.arrayContaining([200, 400, 401]));
  await target.expectAlive();
}, 120_000);

/** Parameters that are known and others, with values that nearly fit and others. */
function hostileQueries({ streamCursor, pageCursor }: Known): fc.Arbitrary<string> {
  const values = fc.oneof(
    nastyTexts,
    mutated(fc.constantFrom(streamCursor, pageCursor)),
    mutated(fc.constantFrom('queued,in_progress', 'acme/shop', '50')),
    fc.constantFrom(streamCursor, pageCursor, 'queued', 'acme/shop', '5', '1795211160000-0'),
  );
  const names = fc.oneof(
    fc.constantFrom('project', 'statuses', 'cursor', 'limit'),
    fc.constantFrom('authToken', '__proto__', 'constructor', 'limit[]', 'project[$ne]'),
    nastyTexts,
  );
  const pairs = fc.array(fc.tuple(names, values), { maxLength: 5 });
  return fc.tuple(pairs, fc.boolean()).map(([all, encoded]) => {
    const wellFormed = all.map(([name, value]): [string, string] => [
      name.toWellFormed(),
      value.toWellFormed(),
    ]);
    const query = encoded
      ? new URLSearchParams(wellFormed).toString()
      : wellFormed.map((pair) => pair.join('=')).join('&');
    return asTarget(query).slice(0, 7000);
  });
}

function requestsOf(
  paths: fc.Arbitrary<string>,
  queries: fc.Arbitrary<string>,
  tokens: Known['tokens'],
  special: Readonly<Record<string, fc.Arbitrary<string>>> = {},
): fc.Arbitrary<HostileRequest> {
  const forged = Object.values(forgeTokens(google)).flatMap(Object.values).map(asHeader);
  const bearers = fc.oneof(
    { arbitrary: fc.constantFrom(tokens.ana, tokens.root), weight: 6 },
    { arbitrary: fc.constantFrom(tokens.outsider, ...forged), weight: 1 },
    { arbitrary: mutated(fc.constant(tokens.ana)).map(asHeader), weight: 1 },
    { arbitrary: headerTexts, weight: 1 },
  );
  const headers = fc.record(
    {
      authorization: fc
        .tuple(fc.constantFrom('Bearer ', 'bearer  ', 'Basic ', ''), bearers)
        .map(([scheme, token]) => (token === tokens.ana ? 'Bearer ' : scheme) + token),
      origin: fc.oneof(fc.constant('https://dashboard.example.com'), headerTexts),
      'x-forwarded-for': headerTexts,
      'x-request-id': headerTexts,
      forwarded: headerTexts,
      prefer: fc.oneof(fc.constant('failover'), headerTexts),
      accept: headerTexts,
      'accept-encoding': headerTexts,
      'content-type': headerTexts,
      cookie: headerTexts,
      host: headerTexts,
      'if-none-match': headerTexts,
      range: fc.constantFrom('bytes=0-', 'bytes=-1', 'x'),
      'access-control-request-method': headerTexts,
      'last-event-id': headerTexts,
      ...special,
    },
    { requiredKeys: ['authorization'], noNullPrototype: true },
  );
  return fc.record(
    {
      method: fc.constantFrom('GET', 'GET', 'GET', 'GET', 'HEAD', 'OPTIONS', 'POST', 'DELETE'),
      target: fc
        .tuple(paths, fc.option(queries, { nil: '' }))
        .map(([path, query]) => (query === '' ? path : `${path}?${query}`)),
      headers,
    },
    { noNullPrototype: true },
  );
}

/** What Node's client lets into the first line of a request. */
function asTarget(text: string): string {
  return text.replaceAll(/[^\x21-\x7e]/g, '%');
}

function asHeader(text: string): string {
  return text.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, '');
}

/** A page cursor of these contents, by somebody who knows how its checksum is made. */
function sealed(fields: unknown): string {
  const payload = Buffer.from(JSON.stringify(fields)).toString('base64url');
  const checksum = createHash('sha256').update(`p1.${payload}`).digest().subarray(0, 12);
  return `p1.${payload}.${checksum.toString('base64url')}`;
}
