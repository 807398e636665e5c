import { ProjectListSchema, TaskItemSchema, TaskPageSchema } from '@tasktrail/contract';
import { describe, expect, test } from 'vitest';
import {
  ana,
  answerOf,
  memoryReadModel,
  PAGE,
  PROJECT_LIST,
  runDashboard,
  taskItem,
} from './running-dashboard.ts';

describe('the snapshot', () => {
  test('is the page that the read model gives', async () => {
    await using dashboard = await runDashboard();
    const response = await dashboard.get('/dashboard/tasks');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    const body = await response.json();
    expect(body).toEqual(PAGE);
    expect(TaskPageSchema.strict().parse(body)).toEqual(PAGE);
  });

  test('asks with the sight of the viewer, and the default limit', async () => {
    await using dashboard = await runDashboard();
    await dashboard.get('/dashboard/tasks');
    expect(dashboard.queries).toEqual([
      {
        filter: { project: undefined, statuses: [] },
        sight: ana.sight,
        limit: 50,
        cursor: undefined,
      },
    ]);
  });

  test('asks with the filters, the cursor and the limit of the query', async () => {
    await using dashboard = await runDashboard();
    await dashboard.get(
      '/dashboard/tasks?project=a%2Fb&statuses=queued,error&statuses=queued&cursor=p1.x.y&limit=7',
    );
    expect(dashboard.queries).toEqual([
      {
        filter: { project: 'a/b', statuses: ['queued', 'error'] },
        sight: ana.sight,
        limit: 7,
        cursor: 'p1.x.y',
      },
    ]);
  });

  test('takes the token of the query where there is no header', async () => {
    await using dashboard = await runDashboard();
    const response = await dashboard.get('/dashboard/tasks?authToken=valid', { headers: {} });
    expect(response.status).toBe(200);
  });
});

describe('one task', () => {
  test('is the bare item', async () => {
    await using dashboard = await runDashboard();
    const response = await dashboard.get('/dashboard/tasks/run-1');
    expect(response.status).toBe(200);
    expect(TaskItemSchema.strict().parse(await response.json())).toEqual(taskItem('run-1'));
  });

  test('that is not there, or not to be seen, is 404', async () => {
    await using dashboard = await runDashboard();
    const response = await dashboard.get('/dashboard/tasks/run-9');
    expect(await answerOf(response)).toMatchObject({ status: 404, error: 'task_not_found' });
  });

  test.each([
    'a/b',
    '/',
    '?authToken=x',
    '100%',
    '%2F',
    'a#b',
    'a&b=c+d',
    'STREAM',
    'a;b,c:d@e',
    '...',
    '\\',
    'x'.repeat(200),
  ])('is found by the percent-encoded id %s', async (id) => {
    await using dashboard = await runDashboard({ readModel: memoryReadModel([], [id]) });
    const response = await dashboard.get(`/dashboard/tasks/${encodeURIComponent(id)}`);
    expect(await response.json()).toEqual(taskItem(id));
  });

  test.each(['%73tream', '%20', 'a%0Ab', '%C3%A4', '%00', 'x'.repeat(201)])(
    'cannot have the id %s, and the read model is not asked',
    async (id) => {
      const readModel = {
        ...memoryReadModel([], []),
        task: () => Promise.reject(new Error('asked')),
      };
      await using dashboard = await runDashboard({ readModel });
      const response = await dashboard.get(`/dashboard/tasks/${id}`);
      expect(await answerOf(response)).toMatchObject({ status: 404, error: 'task_not_found' });
    },
  );

  test.each(['%', '%ZZ', '%E0%A4%A', '%ff'])('with the bad encoding %s is 400', async (id) => {
    await using dashboard = await runDashboard();
    const response = await dashboard.get(`/dashboard/tasks/${id}`);
    expect(await answerOf(response)).toMatchObject({ status: 400, error: 'invalid_query' });
  });
});

describe('the list of projects', () => {
  test('is what the projects stage has', async () => {
    await using dashboard = await runDashboard();
    const response = await dashboard.get('/dashboard/projects');
    expect(ProjectListSchema.parse(await response.json())).toEqual({ items: PROJECT_LIST });
  });
});

describe('the stream', () => {
  test('is given the viewer and the query', async () => {
    await using dashboard = await runDashboard();
    const response = await dashboard.get(
      '/dashboard/tasks/stream?project=a/b&statuses=error&cursor=1-1&authToken=valid',
      { headers: {} },
    );
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(JSON.parse((await response.text()).slice(1))).toEqual({
      viewer: ana.identity,
      query: { project: 'a/b', statuses: ['error'], cursor: '1-1' },
    });
  });

  test.each(['/dashboard/tasks/stream?statuses=nope', '/dashboard/tasks/stream?project=nope'])(
    'is not opened for a bad filter: %s',
    async (path) => {
      await using dashboard = await runDashboard();
      const response = await dashboard.get(path);
      expect(await answerOf(response)).toMatchObject({ status: 400, error: 'invalid_query' });
    },
  );
});

describe('paths and methods', () => {
  test.each([
    '/dashboard/projects',
    '/dashboard/tasks',
    '/dashboard/tasks/run-1',
    '/dashboard/tasks/stream',
    '/healthz',
    '/readyz',
    '/openapi.json',
  ])('HEAD %s has the headers of GET and no body', async (path) => {
    await using dashboard = await runDashboard();
    const get = await dashboard.get(path);
    const head = await dashboard.get(path, {
      method: 'HEAD',
      headers: { Authorization: 'Bearer valid' },
    });
    expect(head.status).toBe(get.status);
    expect(await head.text()).toBe('');
    expect(head.headers.get('content-type')).toBe(get.headers.get('content-type'));
    expect(head.headers.get('content-length')).toBe(get.headers.get('content-length'));
  });

  test.each([
    '/',
    '/dashboard',
    '/dashboard/',
    '/dashboard/tasks/',
    '/dashboard/tasks/a/b',
    '/Dashboard/tasks',
    '/dashboard/tasks/stream/',
    '//dashboard/tasks',
    '/metrics',
    '/healthz/',
  ])('%s is no route', async (path) => {
    await using dashboard = await runDashboard();
    const response = await dashboard.get(path);
    expect(await answerOf(response)).toMatchObject({ status: 404, error: 'route_not_found' });
  });

  test.each(['POST', 'PUT', 'DELETE', 'PATCH', 'PROPFIND'])(
    '%s is answered with the methods there are',
    async (method) => {
      await using dashboard = await runDashboard();
      for (const path of ['/dashboard/tasks', '/dashboard/tasks/stream', '/healthz']) {
        const response = await dashboard.get(path, { method });
        expect(response.headers.get('allow')).toBe('HEAD, GET, OPTIONS');
        expect(await answerOf(response)).toMatchObject({
          status: 405,
          error: 'method_not_allowed',
        });
      }
    },
  );

  test('OPTIONS says which methods there are, without a token', async () => {
    await using dashboard = await runDashboard();
    const init = { method: 'OPTIONS', headers: {} };
    const response = await dashboard.get('/dashboard/tasks', init);
    expect(response.status).toBe(204);
    expect(response.headers.get('allow')).toBe('HEAD, GET, OPTIONS');
    expect((await dashboard.get('/nothing', init)).status).toBe(404);
  });
});

describe('every answer', () => {
  test.each([
    ['/dashboard/tasks', 200],
    ['/dashboard/tasks?limit=0', 400],
    ['/dashboard/tasks/run-9', 404],
    ['/nothing', 404],
    ['/readyz', 200],
  ])('%s is kept by nobody, and is nothing but data', async (path, status) => {
    await using dashboard = await runDashboard();
    const response = await dashboard.get(path);
    expect(response.status).toBe(status);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
  });
});
