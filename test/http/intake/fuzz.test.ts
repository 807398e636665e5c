import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { ErrorBodySchema, EventResultsSchema } from '@tasktrail/contract';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { INTAKE_PATHS } from '../../../src/http/intake/intake-routes.ts';
import { EVENT_MEDIA_TYPES } from '../../../src/intake/intake.ts';
import { runDashboard } from '../running-dashboard.ts';
import { EVENT, expectDocumented, RawClient } from './posting.ts';

const headerText = fc.stringMatching(/^[\x20-\x7e\xa0-\xff]{0,60}$/);

const header = fc.oneof(
  fc.tuple(
    fc.constantFrom(
      'authorization',
      'content-type',
      'content-encoding',
      'idempotency-key',
      'origin',
      'x-forwarded-for',
      'x-signature',
      'x-name',
    ),
    headerText,
  ),
  fc.constantFrom(
    ['content-type', 'application/json; charset=latin1'] as const,
    ['content-encoding', 'gzip'] as const,
    ['expect', '100-continue'] as const,
    ['idempotency-key', 'again'] as const,
    ['x-name', 'unmapped'] as const,
    ['x-name', 'ignored'] as const,
    ['x-name', 'invalid'] as const,
    ['authorization', 'Bearer viewer'] as const,
    ['authorization', 'Bearer certificates-away'] as const,
  ),
);

const body = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc.json().map((json) => Buffer.from(json)),
  fc
    .array(fc.oneof(fc.constant(EVENT), fc.record({ executionId: fc.string(), status: fc.json() })))
    .map((events) => Buffer.from(JSON.stringify(events))),
  fc
    .constantFrom(1024 * 1024 - 1, 1024 * 1024 + 1, 1_300_000)
    .map((size) => Buffer.alloc(size, 32)),
);

const contentType = fc.constantFrom(...EVENT_MEDIA_TYPES, 'application/x-www-form-urlencoded');

test('whatever is sent to emit, the answer is no failure but 503, and documented', async () => {
  await using dashboard = await runDashboard({
    http: { corsOrigins: ['*'], trustedProxies: ['loopback'] },
  });
  using agent = Object.assign(new Agent({ keepAlive: true }), {
    [Symbol.dispose]: () => agent.destroy(),
  });
  const ask = fc.record({
    path: fc.constantFrom(...INTAKE_PATHS),
    method: fc.constantFrom('POST', 'POST', 'POST', 'GET', 'HEAD', 'OPTIONS', 'PUT', 'QUERY'),
    contentType,
    headers: fc.array(header, { maxLength: 3 }).map((pairs) => Object.fromEntries(pairs)),
    isChunked: fc.boolean(),
    body,
  });
  const met = new Set<number>();
  await fc.assert(
    fc.asyncProperty(ask, async ({ path, method, headers, isChunked, ...sent }) => {
      const asked = request(dashboard.url + path, {
        agent,
        method,
        headers: {
          authorization: 'Bearer ttk_valid',
          'x-signature': 'good',
          'content-type': sent.contentType,
          ...(isChunked
            ? { 'transfer-encoding': 'chunked' }
            : { 'content-length': sent.body.length }),
          ...headers,
        },
      });
      // The server may have ended the connection before all of the body was sent.
      asked.on('error', () => undefined);
      const answered = once(asked, 'response') as Promise<[IncomingMessage]>;
      if ('expect' in headers) asked.once('continue', () => asked.end(sent.body)).flushHeaders();
      else asked.end(sent.body);
      const [response] = await answered;
      const { statusCode = 0 } = response;
      met.add(statusCode);
      const received = await text(response);
      asked.destroy();
      if (statusCode >= 500) expect(statusCode).toBe(503);
      if (method === 'POST') expectDocumented(path, statusCode);
      else expect([204, 405]).toContain(statusCode);
      expect(response.headers['x-request-id']).toMatch(/^[\w.:-]{1,64}$/);
      if (method === 'HEAD' || statusCode === 204) expect(received).toBe('');
      else if (statusCode === 202) EventResultsSchema.strict().parse(JSON.parse(received));
      else ErrorBodySchema.strict().parse(JSON.parse(received));
    }),
    { numRuns: 1000 },
  );
  // Or else the property would say less than it seems to.
  expect([...met]).toEqual(expect.arrayContaining([202, 400, 401, 405, 413, 415]));
});

test('whatever bytes come on a connection, the server lives, and logs no failure', async () => {
  await using dashboard = await runDashboard();
  const part = fc.oneof(
    fc.constantFrom(
      'POST /events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ttk_valid\r\n',
      'POST /webhooks/gitea HTTP/1.1\r\nHost: x\r\nX-Signature: good\r\n',
      'Content-Type: application/json\r\n',
      'Content-Length: 2\r\n',
      'Content-Length: 1048577\r\n',
      'Transfer-Encoding: chunked\r\n',
      'Expect: 100-continue\r\n',
      'Connection: close\r\n',
      '\r\n',
      '[]',
      '2\r\n[]\r\n',
      '0\r\n\r\n',
      'zz\r\n',
    ),
    fc.string({ unit: 'binary-ascii', maxLength: 20 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 12 }), fc.boolean(), async (parts, resets) => {
      using client = new RawClient(dashboard);
      for (const each of parts) client.send(each);
      if (resets) {
        await once(client.socket, 'connect');
        client.socket.resetAndDestroy();
      } else client.socket.end();
      const received = await client.ended;
      for (const [, status] of received.matchAll(/HTTP\/1\.1 (\d+)/g)) {
        expect(Number(status)).toBeLessThan(500);
      }
    }),
    { numRuns: 300 },
  );
  expect((await dashboard.get('/healthz')).status).toBe(200);
  expect(dashboard.logged()).not.toMatch(/"level":"(error|fatal)"/);
});
