import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { ERROR_CODES, ErrorBodySchema } from '@tasktrail/contract';
import { describe, expect, test } from 'vitest';
import { Refusal } from '../../src/http/refusal.ts';
import { ProjectsUnavailableError } from '../../src/projects/projects.ts';
import { PageCursorError, ReadModelUnavailableError } from '../../src/read-model/read-model.ts';
import { answerOf, memoryReadModel, runDashboard } from './running-dashboard.ts';

const VIEWER_PATHS = [
  '/dashboard/projects',
  '/dashboard/tasks',
  '/dashboard/tasks/run-1',
  '/dashboard/tasks/stream',
];

const asking = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });

function throwing(error: unknown) {
  const fail = () => Promise.reject(error);
  return { page: fail, task: fail };
}

describe('a request without a valid token', () => {
  const refused: [string, string, RequestInit][] = [
    ['no_token', '', { headers: {} }],
    ['malformed', '', { headers: { Authorization: 'Bearer a b' } }],
    ['several_tokens', '?authToken=a&authToken=b', { headers: {} }],
    ['expired', '', asking('old')],
  ];

  test.each(refused)(
    'is 401 with one body whatever the reason: %s',
    async (reason, query, init) => {
      await using dashboard = await runDashboard();
      for (const path of VIEWER_PATHS) {
        const response = await dashboard.get(path + query, init);
        expect(response.status).toBe(401);
        expect(response.headers.get('www-authenticate')).toBe('Bearer');
        expect(await response.text()).toBe('{"error":"dashboard_unauthorized"}');
      }
      const lines = await dashboard.requestLines(VIEWER_PATHS.length);
      expect(lines.map((line) => line.reason)).toEqual(VIEWER_PATHS.map(() => reason));
    },
  );

  test('is refused before its query is judged', async () => {
    await using dashboard = await runDashboard();
    const response = await dashboard.get('/dashboard/tasks?limit=0', { headers: {} });
    expect(response.status).toBe(401);
  });

  test.each(['/healthz', '/readyz', '/openapi.json'])('may ask for %s', async (path) => {
    await using dashboard = await runDashboard();
    expect((await dashboard.get(path, { headers: {} })).status).toBe(200);
  });
});

describe('a viewer who may not use the dashboard', () => {
  test('is 403, and named in the log alone', async () => {
    await using dashboard = await runDashboard();
    const response = await dashboard.get('/dashboard/tasks', asking('forbidden'));
    expect(await answerOf(response)).toEqual({
      status: 403,
      error: 'dashboard_forbidden',
      message: ERROR_CODES.dashboard_forbidden,
    });
    const [line] = await dashboard.requestLines(1);
    expect(line).toMatchObject({ viewer: 'google:eve@example.org', reason: 'dashboard_forbidden' });
  });
});

describe('what is away for a while', () => {
  test.each([
    ['CertificatesUnavailableError', '/dashboard/tasks', asking('certificates-away'), {}],
    [
      'ReadModelUnavailableError',
      '/dashboard/tasks',
      asking('valid'),
      { readModel: throwing(new ReadModelUnavailableError('Redis at 10.0.0.1 is away')) },
    ],
    [
      'ReadModelUnavailableError',
      '/dashboard/tasks/run-1',
      asking('valid'),
      { readModel: throwing(new ReadModelUnavailableError('Redis at 10.0.0.1 is away')) },
    ],
    [
      'ProjectsUnavailableError',
      '/dashboard/projects',
      asking('valid'),
      {
        projects: {
          list: () => {
            throw new ProjectsUnavailableError('no list yet');
          },
        },
      },
    ],
  ])('is 503 with a time to try again: %s at %s', async (name, path, init, overrides) => {
    await using dashboard = await runDashboard(overrides);
    const response = await dashboard.get(path, init);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await answerOf(response)).toEqual({
      status: 503,
      error: 'unavailable',
      message: ERROR_CODES.unavailable,
    });
    const [line] = await dashboard.requestLines(1);
    expect(line).toMatchObject({ level: 'warn', reason: name });
  });
});

describe('a cursor that does not go on', () => {
  test('is 400, never page one', async () => {
    const readModel = throwing(new PageCursorError('the cursor is of other filters'));
    await using dashboard = await runDashboard({ readModel });
    expect(await answerOf(await dashboard.get('/dashboard/tasks?cursor=p1.a.b'))).toEqual({
      status: 400,
      error: 'invalid_cursor',
      message: 'the cursor is of other filters',
    });
  });
});

describe('a failure that nobody expected', () => {
  test.each([
    new Error('secret internals'),
    'secret internals',
    null,
    undefined,
    { expose: true, status: 418, message: 'secret internals' },
    Object.assign(new Error('secret internals'), { expose: true, status: 400 }),
  ])('is 500, says nothing, and is logged with the id of the request', async (thrown) => {
    await using dashboard = await runDashboard({ readModel: throwing(thrown) });
    const response = await dashboard.get('/dashboard/tasks');
    const requestId = response.headers.get('x-request-id');
    expect(await answerOf(response)).toEqual({
      status: 500,
      error: 'internal',
      message: ERROR_CODES.internal,
    });
    const errors = dashboard
      .logged()
      .split('\n')
      .filter((line) => line.includes('"error"'));
    expect(errors).toHaveLength(1);
    expect(JSON.parse(errors[0]!)).toMatchObject({ requestId, msg: 'a request failed' });
  });

  test('may be an answer that is no JSON', async () => {
    const readModel = { ...memoryReadModel([], []), page: async () => ({ big: 1n }) as never };
    await using dashboard = await runDashboard({ readModel });
    const response = await dashboard.get('/dashboard/tasks');
    expect(await answerOf(response)).toMatchObject({ status: 500, error: 'internal' });
  });
});

describe('a stream', () => {
  test('that refuses is answered as any other route', async () => {
    await using dashboard = await runDashboard({
      stream: () => {
        throw new Refusal('too_many_streams', 'close one first');
      },
    });
    expect(await answerOf(await dashboard.get('/dashboard/tasks/stream'))).toEqual({
      status: 429,
      error: 'too_many_streams',
      message: 'close one first',
    });
  });

  test('is asked for by nobody known while tokens cannot be judged: a status would end it', async () => {
    await using dashboard = await runDashboard();
    const { headers } = asking('certificates-away');
    const response = await dashboard.get('/dashboard/tasks/stream', { headers });
    expect(response.status).toBe(200);
    expect(await response.text()).toContain('"viewer":null');
  });

  test('that fails before its headers is still answered', async () => {
    await using dashboard = await runDashboard({
      stream: async (ctx) => {
        ctx.respond = false;
        throw new Error('too early');
      },
    });
    const response = await dashboard.get('/dashboard/tasks/stream');
    expect(await answerOf(response)).toMatchObject({ status: 500, error: 'internal' });
  });

  test('that fails after its headers breaks off, so that its client comes back', async () => {
    await using dashboard = await runDashboard({
      stream: async (ctx) => {
        ctx.respond = false;
        ctx.res.writeHead(200, { 'Content-Type': 'text/event-stream' });
        ctx.res.write(':\n\n');
        throw new Error('too late');
      },
    });
    const answer = dashboard.get('/dashboard/tasks/stream').then((response) => response.text());
    await expect(answer).rejects.toThrow();
    const [line] = await dashboard.requestLines(1);
    expect(line).toMatchObject({ reason: 'internal', aborted: true });
  });
});

describe('a target that is no path', () => {
  test.each(['http://[', '*'])('is refused in JSON: %s', async (target) => {
    await using dashboard = await runDashboard();
    const socket = connect(dashboard.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.end(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    const answer = await text(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 40[04] /);
    ErrorBodySchema.parse(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))));
  });
});
