import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { createAdminApp } from '../../src/http/admin.ts';
import { listen } from '../../src/http/server.ts';
import { createLogger } from '../../src/runtime/logging.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';
import { type RunningDashboard, runDashboard } from './running-dashboard.ts';

/** Written down once more, so that a new version of the library changes none of them unseen. */
const EXPECTED = {
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'origin-agent-cluster': '?1',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000',
  'x-content-type-options': 'nosniff',
  'x-dns-prefetch-control': 'off',
  'x-download-options': 'noopen',
  'x-frame-options': 'DENY',
  'x-permitted-cross-domain-policies': 'none',
  'x-xss-protection': '0',
};

const CACHED_NOWHERE = { 'cache-control': 'no-store' };
const ORIGIN = 'https://dashboard.example.com';

function expectHeaders(headers: Headers, others: Record<string, string> = CACHED_NOWHERE): void {
  expect(Object.fromEntries(headers)).toMatchObject({ ...EXPECTED, ...others });
  for (const name of ['x-powered-by', 'server']) expect(headers.has(name), name).toBe(false);
}

/** What is answered to these bytes. */
async function send(port: number, bytes: string) {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  socket.write(bytes);
  const [head = ''] = (await text(socket)).split('\r\n\r\n');
  const [statusLine = '', ...lines] = head.split('\r\n');
  const pairs = lines.map((line) => line.split(/: ?(.*)/s).slice(0, 2) as [string, string]);
  return { status: Number(statusLine.split(' ')[1]), headers: new Headers(pairs) };
}

const failing = { page: () => Promise.reject(new Error('boom')), task: async () => undefined };

const ANSWERS: [number, string, RequestInit, Parameters<typeof runDashboard>[0]][] = [
  [200, '/dashboard/tasks', {}, {}],
  [200, '/dashboard/tasks', { method: 'HEAD' }, {}],
  [200, '/openapi.json', {}, {}],
  [503, '/readyz', {}, { probes: { checks: [], isDraining: () => true } }],
  [400, '/dashboard/tasks?limit=0', {}, {}],
  [401, '/dashboard/tasks', { headers: {} }, {}],
  [403, '/dashboard/tasks', { headers: { Authorization: 'Bearer forbidden' } }, {}],
  [404, '/nothing', {}, {}],
  [405, '/dashboard/tasks', { method: 'DELETE' }, {}],
  [500, '/dashboard/tasks', {}, { readModel: failing }],
  [503, '/dashboard/tasks', { headers: { Authorization: 'Bearer certificates-away' } }, {}],
  [415, '/events', { method: 'POST', headers: { Authorization: 'Bearer ttk_valid' } }, {}],
  [204, '/dashboard/tasks', { method: 'OPTIONS', headers: preflight() }, {}],
  [204, '/events', { method: 'OPTIONS' }, {}],
];

function preflight() {
  return { Origin: ORIGIN, 'Access-Control-Request-Method': 'GET' };
}

describe('security headers are on', () => {
  test.each(ANSWERS)('the answer %i of %s %j', async (status, path, init, overrides) => {
    await using dashboard = await run(overrides);
    const response = await dashboard.get(path, init);
    expect(response.status).toBe(status);
    expectHeaders(response.headers);
  });

  test('the stream, which is answered past Koa', async () => {
    await using dashboard = await run();
    const response = await dashboard.get('/dashboard/tasks/stream');
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expectHeaders(response.headers);
  });

  test.each([
    ['no HTTP', 400, '\x16\x03\x01'],
    ['a head that is too long', 431, `GET /${'x'.repeat(20_000)} HTTP/1.1\r\n`],
    ['a head without Host', 400, 'GET /dashboard/tasks HTTP/1.1\r\nConnection: close\r\n\r\n'],
    [
      'an expectation that nobody knows',
      401,
      'GET /dashboard/tasks HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nConnection: close\r\n\r\n',
    ],
  ])('what is answered to %s', async (_, status, bytes) => {
    await using dashboard = await run();
    const answer = await send(dashboard.port, bytes);
    expect(answer.status).toBe(status);
    expectHeaders(answer.headers);
  });

  test('what is answered to a request that does not come to its end', async () => {
    const timeouts = { headersMs: 50, requestMs: 50, keepAliveMs: 60_000, checkMs: 10 };
    await using dashboard = await runDashboard({}, timeouts);
    for (const bytes of [
      'GET / HTTP/1.1\r\n',
      'POST /webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
    ]) {
      const answer = await send(dashboard.port, bytes);
      expect(answer.status).toBe(408);
      expectHeaders(answer.headers);
    }
  });

  test.each([
    [200, '/metrics'],
    [200, '/healthz'],
    [404, '/'],
  ])('the answer %i of %s on the admin port', async (status, path) => {
    const logger = createLogger({ level: 'silent', pretty: false });
    const { registry } = createMetrics();
    const probes = { checks: [], isDraining: () => false };
    const admin = await listen({
      handler: createAdminApp({ probes, registry, logger }).callback(),
      host: '127.0.0.1',
      port: 0,
      settings: { host: 'HOST', port: 'PORT' },
      logger,
    });
    const response = await fetch(admin.url + path);
    await admin.close(0);
    expect(response.status).toBe(status);
    expectHeaders(response.headers);
  });
});

test('a dashboard of another origin is let in by CORS headers beside them', async () => {
  await using dashboard = await run();
  const headers = { Origin: ORIGIN, Authorization: 'Bearer valid' };
  for (const path of ['/dashboard/tasks', '/dashboard/tasks/stream']) {
    const response = await dashboard.get(path, { headers });
    expectHeaders(response.headers, { 'access-control-allow-origin': ORIGIN });
  }
});

function run(overrides: Parameters<typeof runDashboard>[0] = {}): Promise<RunningDashboard> {
  return runDashboard({ http: { corsOrigins: [ORIGIN], trustedProxies: [] }, ...overrides });
}
