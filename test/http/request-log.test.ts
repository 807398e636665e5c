import { request } from 'node:http';
import { describe, expect, test } from 'vitest';
import { runDashboard } from './running-dashboard.ts';

describe('a request id', () => {
  test.each(['abc-123', 'a.b:c_D', 'x'.repeat(64)])('is kept when it is sane: %s', async (id) => {
    await using dashboard = await runDashboard();
    const response = await dashboard.get('/healthz', { headers: { 'X-Request-Id': id } });
    expect(response.headers.get('x-request-id')).toBe(id);
    expect(await dashboard.requestLines(1)).toMatchObject([{ requestId: id }]);
  });

  test.each(['', 'a b', 'x'.repeat(65), 'a"b', 'a,b', 'é'])(
    'is made where none is given or it is not sane: "%s"',
    async (id) => {
      await using dashboard = await runDashboard({ newRequestId: () => 'made' });
      const response = await dashboard.get('/healthz', { headers: { 'X-Request-Id': id } });
      expect(response.headers.get('x-request-id')).toBe('made');
    },
  );

  test('is another one for each request', async () => {
    await using dashboard = await runDashboard();
    const ids = await Promise.all(
      [1, 2].map(async () => (await dashboard.get('/healthz')).headers.get('x-request-id')),
    );
    expect(new Set(ids).size).toBe(2);
  });
});

describe('the line of a request', () => {
  test('says what was asked, by whom, and what came of it', async () => {
    await using dashboard = await runDashboard();
    await dashboard.get('/dashboard/tasks/run-1?authToken=valid&project=a/b&other=1');
    expect(await dashboard.requestLines(1)).toMatchObject([
      {
        level: 'info',
        method: 'GET',
        path: '/dashboard/tasks/run-1',
        parameters: ['project', 'authToken'],
        status: 200,
        durationMs: expect.any(Number),
        client: '127.0.0.1',
        viewer: 'google:ana@example.com',
        msg: 'GET /dashboard/tasks/{executionId} 200',
      },
    ]);
  });

  test('has the address that a trusted proxy forwards', async () => {
    await using dashboard = await runDashboard({
      http: { corsOrigins: [], trustedProxies: ['loopback'] },
    });
    await dashboard.get('/healthz', { headers: { 'X-Forwarded-For': '198.51.100.7' } });
    expect(await dashboard.requestLines(1)).toMatchObject([{ client: '198.51.100.7' }]);
  });

  test('is quiet about probes', async () => {
    await using dashboard = await runDashboard();
    await dashboard.get('/healthz');
    expect(await dashboard.requestLines(1)).toMatchObject([{ level: 'debug' }]);
  });

  test('is written for a path that is no route, and is bounded', async () => {
    await using dashboard = await runDashboard();
    await dashboard.get(`/${'x'.repeat(5000)}`);
    const [line] = await dashboard.requestLines(1);
    expect(line).toMatchObject({ status: 404, reason: 'route_not_found' });
    expect(JSON.stringify(line).length).toBeLessThan(1000);
  });

  test('is written when a client leaves before it is answered', async () => {
    const asked = Promise.withResolvers<void>();
    const never = () => {
      asked.resolve();
      return Promise.withResolvers<never>().promise;
    };
    await using dashboard = await runDashboard({ readModel: { page: never, task: never } });
    const leaving = new AbortController();
    const { signal } = leaving;
    const answer = dashboard.get('/dashboard/tasks?authToken=valid', { headers: {}, signal });
    await asked.promise;
    leaving.abort();
    await expect(answer).rejects.toThrow();
    expect(await dashboard.requestLines(1)).toMatchObject([{ aborted: true }]);
  });
});

describe('a token', () => {
  // The shape of an ID token, so that it is looked for wherever one may turn up.
  const CANARY = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl';

  const requests: [string, string, Record<string, string>][] = [
    ['header', '/dashboard/tasks', { Authorization: `Bearer ${CANARY}` }],
    ['header without a scheme', '/dashboard/tasks', { Authorization: CANARY }],
    ['query', `/dashboard/tasks?authToken=${CANARY}`, {}],
    ['query, twice', `/dashboard/tasks?authToken=${CANARY}&authToken=${CANARY}`, {}],
    ['query of an unknown path', `/nothing?authToken=${CANARY}`, {}],
    ['query of an unknown task', `/dashboard/tasks/run-9?authToken=${CANARY}`, {}],
    ['query, misspelled', `/dashboard/tasks?authtoken=${CANARY}&token=${CANARY}`, {}],
    ['name of a parameter', `/dashboard/tasks?${CANARY}`, {}],
    ['filter', `/dashboard/tasks?statuses=${CANARY}&authToken=valid`, {}],
    ['path', `/dashboard/tasks/${CANARY}`, {}],
    ['path, by wrong encoding', `/dashboard/tasks%3FauthToken%3D${CANARY}`, {}],
    ['request id', '/healthz', { 'X-Request-Id': CANARY }],
    ['stream', `/dashboard/tasks/stream?authToken=${CANARY}`, {}],
  ];

  test.each(requests)('never reaches the log: %s', async (_, path, headers) => {
    await using dashboard = await runDashboard();
    await dashboard.get(path, { headers });
    await dashboard.requestLines(1);
    expect(dashboard.logged()).not.toContain('eyJzdWIiOiJjYW5hcnkifQ');
    expect(dashboard.logged()).not.toContain('c2lnbmF0dXJl');
  });

  test.each(requests)('never reaches the log of a failure: %s', async (_, path, headers) => {
    const fail = (token: string) =>
      Promise.reject(
        Object.assign(new Error(`no pem for ${token}`, { cause: new TypeError(token) }), { token }),
      );
    await using dashboard = await runDashboard({ authenticator: { authenticate: fail } });
    await dashboard.get(path, { headers });
    await dashboard.requestLines(1);
    expect(dashboard.logged()).not.toContain('eyJzdWIiOiJjYW5hcnkifQ');
    expect(dashboard.logged()).not.toContain('c2lnbmF0dXJl');
  });

  test('of any shape never reaches the log from a header or authToken', async () => {
    await using dashboard = await runDashboard();
    const headers = { Authorization: 'Bearer canary' };
    await dashboard.get('/dashboard/tasks?authToken=canary', { headers });
    await dashboard.get('/nothing?authToken=canary&limit=canary#canary', { headers });
    await dashboard.requestLines(2);
    expect(dashboard.logged()).not.toContain('canary');
  });
});

describe('the duration of requests', () => {
  test('is counted by route and status, and no client can add a label', async () => {
    await using dashboard = await runDashboard();
    await dashboard.get('/dashboard/tasks/run-1');
    await dashboard.get('/dashboard/tasks/run-9');
    await dashboard.get('/some/path');
    await dashboard.get('/other/path');
    await dashboard.requestLines(4);
    const text = await dashboard.metrics.registry.metrics();
    const counts = text
      .split('\n')
      .filter((line) => line.startsWith('tasktrail_http_request_duration_seconds_count'));
    expect(counts.sort()).toEqual([
      'tasktrail_http_request_duration_seconds_count{route="/dashboard/tasks/{executionId}",status="200"} 1',
      'tasktrail_http_request_duration_seconds_count{route="/dashboard/tasks/{executionId}",status="404"} 1',
      'tasktrail_http_request_duration_seconds_count{route="none",status="404"} 2',
    ]);
  });

  test('does not hold streams, but their refusals', async () => {
    await using dashboard = await runDashboard();
    await (await dashboard.get('/dashboard/tasks/stream')).text();
    await dashboard.get('/dashboard/tasks/stream', { headers: {} });
    await dashboard.requestLines(2);
    const text = await dashboard.metrics.registry.metrics();
    expect(text).toContain('count{route="/dashboard/tasks/stream",status="401"} 1');
    expect(text).not.toContain('route="/dashboard/tasks/stream",status="200"');
  });
});

describe('a query', () => {
  test('of thousands of parameters costs no more than it is long', async () => {
    await using dashboard = await runDashboard();
    const path = `/dashboard/tasks?${'a&'.repeat(7500)}`;
    const startedAt = performance.now();
    await new Promise((resolve, reject) => {
      const headers = { Authorization: 'Bearer valid' };
      request(dashboard.url + path, { headers }, (response) => {
        response.resume().once('end', resolve);
      })
        .once('error', reject)
        .end();
    });
    // Koa's own ctx.query takes time by the square of it: most of a second here.
    expect(performance.now() - startedAt).toBeLessThan(400);
  });
});
