import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { ErrorBodySchema } from '@tasktrail/contract';
import { expect, test } from 'vitest';
import { runDashboard } from './running-dashboard.ts';

const AUTHORIZED = { Authorization: 'Bearer valid', Origin: 'https://dashboard.example.com' };

async function ask(path: string, headers: Readonly<Record<string, string>> = {}) {
  await using dashboard = await runDashboard({
    http: { corsOrigins: ['https://dashboard.example.com'], trustedProxies: [] },
  });
  const sent = request(dashboard.url + path, {
    agent: false,
    headers: { ...AUTHORIZED, ...headers },
  }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const body = JSON.parse(await text(response));
  return { status: response.statusCode, headers: response.headers, body };
}

const headersOf = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`x-header-${n}`, '1']));

/** What Node adds, and what every request here has. */
const OWN_HEADERS = 4;

test.each([
  ['a URL of 8 KiB', `/dashboard/tasks?x=${'x'.repeat(8192 - '/dashboard/tasks?x='.length)}`, {}],
  ['a query of 50 parameters', `/dashboard/tasks?${'a=1&'.repeat(49)}b=2`, {}],
  ['100 headers', '/dashboard/tasks', headersOf(100 - OWN_HEADERS)],
])('%s is answered', async (_, path, headers) => {
  expect((await ask(path, headers)).status).toBe(200);
});

test.each([
  ['a longer URL', 414, `/dashboard/tasks?x=${'x'.repeat(8192)}`, {}, 'longer than 8192 bytes'],
  ['more parameters', 400, `/dashboard/tasks?${'a=1&'.repeat(50)}b=2`, {}, 'more than 50 para'],
  ['more headers', 431, '/dashboard/tasks', headersOf(100 - OWN_HEADERS + 1), 'more than 100 he'],
  // Node by itself would have taken the first 2000 and said nothing.
  ['very many headers', 431, '/dashboard/tasks', manyTiny(2500), 'more than 100 headers'],
])('%s are refused with %i, and pages may read why', async (_, status, path, headers, message) => {
  const answer = await ask(path, headers);
  expect(answer.status).toBe(status);
  expect(ErrorBodySchema.strict().parse(answer.body)).toEqual({
    error: 'invalid_query',
    message: expect.stringContaining(message),
  });
  expect(answer.headers['access-control-allow-origin']).toBe('https://dashboard.example.com');
});

/** So small that all of them fit into 16 KiB. */
function manyTiny(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, n) => [n.toString(36), '']));
}
