import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type Router from '@koa/router';
import { ERROR_CODES, FRAME_SCHEMAS, TASK_STATUSES, TaskItemSchema } from '@tasktrail/contract';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { RequestState } from '../../src/http/http.ts';
import { intakeRoutes } from '../../src/http/intake/intake-routes.ts';
import { openApiDocument } from '../../src/http/openapi.ts';
import { dashboardRoutes, type Route, routerPath } from '../../src/http/routes.ts';
import { EVENT_MEDIA_TYPES } from '../../src/intake/intake.ts';
import { PAGE, runDashboard, taskItem } from './running-dashboard.ts';

const limits = { defaultLimit: 20, maxLimit: 100 };
const routes: Record<string, Route> = { ...dashboardRoutes(limits), ...intakeRoutes };
// As a client reads it.
const document = JSON.parse(JSON.stringify(openApiDocument(routes, '1.2.3')));
const operations = Object.values(routes).map((route) => ({
  route,
  operation: document.paths[route.path]?.[route.method],
}));

/** A schema of the document, judged apart from the code that made it. */
function documented(name: string): z.ZodType {
  const $defs = JSON.parse(
    JSON.stringify(document.components.schemas).replaceAll('#/components/schemas/', '#/$defs/'),
  );
  return z.fromJSONSchema({ ...$defs[name], $defs });
}

function refsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const { $ref } = value as { $ref?: string };
  return [...($ref === undefined ? [] : [$ref]), ...Object.values(value).flatMap(refsIn)];
}

describe('the OpenAPI document', () => {
  test('is served, and has the version of the package', async () => {
    await using dashboard = await runDashboard({ snapshot: limits });
    const response = await dashboard.get('/openapi.json', { headers: {} });
    expect(await response.json()).toEqual(document);
    expect(document).toMatchObject({ openapi: '3.1.0', info: { version: '1.2.3' } });
  });

  test('has every route of the router, and no other', async () => {
    await using dashboard = await runDashboard();
    const mounted = dashboard.app.middleware
      .map((middleware) => (middleware as { router?: Router<RequestState> }).router)
      .flatMap((router) => router?.stack ?? [])
      .map(({ path, methods }) => `${methods.join()} ${path}`);
    const described = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.keys(item as object).map(
        (method) => `${method === 'get' ? 'HEAD,GET' : 'POST'} ${routerPath({ path })}`,
      ),
    );
    expect(mounted.sort()).toEqual(described.sort());
  });

  test('has no route of intake where that is switched off', async () => {
    await using dashboard = await runDashboard({ intake: undefined });
    const { paths } = (await (await dashboard.get('/openapi.json')).json()) as typeof document;
    expect(Object.keys(paths)).toEqual(Object.values(dashboardRoutes(limits)).map((r) => r.path));
  });

  test('is the one that the script prints, which the check lints', () => {
    const args = ['--conditions=tasktrail-source', 'scripts/openapi.mjs'];
    const cwd = join(import.meta.dirname, '../..');
    const { stdout } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8' });
    expect(Object.keys(JSON.parse(stdout).paths)).toEqual(Object.keys(document.paths));
  });

  test('refers to nothing that it does not have', () => {
    const names = Object.keys(document.components.schemas);
    const refs = refsIn(document);
    expect(refs.length).toBeGreaterThan(0);
    for (const ref of refs)
      expect(names.map((name) => `#/components/schemas/${name}`)).toContain(ref);
  });

  test('has the parts that OpenAPI 3.1 requires', () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { route, operation } of operations) {
      expect(operation.summary).toBe(route.summary);
      expect(operation.description).toMatch(/\.$/);
      expect(operation.tags).toEqual([route.audience]);
      const inPath = operation.parameters.filter((each: { in: string }) => each.in === 'path');
      expect(inPath.map((each: { name: string }) => `{${each.name}}`)).toEqual(
        route.path.match(/\{\w+\}/g) ?? [],
      );
      for (const parameter of inPath) expect(parameter.required).toBe(true);
      for (const parameter of operation.parameters) expect(parameter.schema).toBeTypeOf('object');
      for (const [status, answer] of Object.entries(operation.responses)) {
        expect(status).toMatch(/^[2-5]\d\d$/);
        expect(answer).toMatchObject({ description: expect.stringMatching(/./) });
      }
    }
  });

  test('has the parameters that queries are read by', () => {
    for (const { route, operation } of operations) {
      const inQuery = operation.parameters.filter((each: { in: string }) => each.in === 'query');
      const names = inQuery.map((each: { name: string }) => each.name);
      expect(names).toEqual(Object.keys(route.query.shape));
      for (const parameter of inQuery) expect(parameter.required ?? false).toBe(false);
    }
  });

  test('describes limit and statuses as they are written', () => {
    const parameters = document.paths['/dashboard/tasks'].get.parameters;
    const byName = Object.fromEntries(
      parameters.map((each: { name: string }) => [each.name, each]),
    );
    expect(byName.limit.schema).toEqual({
      type: 'integer',
      minimum: 1,
      default: 20,
      description: 'Tasks on the page; more than 100 counts as 100.',
    });
    expect(byName.statuses).toMatchObject({ style: 'form', explode: false });
    expect(byName.statuses.schema.items).toEqual({ $ref: '#/components/schemas/TaskStatus' });
    expect(document.components.schemas.TaskStatus.enum).toEqual(TASK_STATUSES);
  });

  test('has every way to prove who one is, on the routes that need it', () => {
    expect(document.components.securitySchemes).toMatchObject({
      bearer: { type: 'http', scheme: 'bearer' },
      authToken: { type: 'apiKey', in: 'query', name: 'authToken' },
      apiKey: { type: 'http', scheme: 'bearer' },
      githubSignature: { type: 'apiKey', in: 'header', name: 'X-Hub-Signature-256' },
      giteaSignature: { type: 'apiKey', in: 'header', name: 'X-Gitea-Signature' },
    });
    const schemesAt: Record<string, string[]> = {
      '/events': ['apiKey', 'bearer'],
      '/webhooks/github': ['githubSignature'],
      '/webhooks/gitea': ['giteaSignature'],
    };
    for (const { route, operation } of operations) {
      const viewers = route.path.startsWith('/dashboard/') ? ['bearer', 'authToken'] : [];
      const wanted = schemesAt[route.path] ?? viewers;
      expect(operation.security).toEqual(wanted.map((scheme) => ({ [scheme]: [] })));
    }
  });

  test('has the bodies, answers and headers of events', () => {
    const { requestBody, responses, parameters } = document.paths['/events'].post;
    expect(Object.keys(requestBody.content)).toEqual([...EVENT_MEDIA_TYPES]);
    expect(requestBody.content['application/json'].schema.anyOf).toEqual([
      { $ref: '#/components/schemas/TaskEvent' },
      { type: 'array', maxItems: 1000, items: { $ref: '#/components/schemas/TaskEvent' } },
    ]);
    expect(parameters).toMatchObject([{ in: 'header', name: 'Idempotency-Key' }]);
    expect(responses[202].headers).toHaveProperty('Idempotent-Replayed');
    for (const status of [429, 503])
      expect(responses[status].headers).toHaveProperty('Retry-After');
    for (const path of ['/webhooks/github', '/webhooks/gitea']) {
      const webhook = document.paths[path].post;
      expect(webhook.responses[204]).toMatchObject({ headers: { 'Tasktrail-Reason': {} } });
      expect(webhook.responses[204]).not.toHaveProperty('content');
    }
  });

  test('has the stream with the schemas of all its frames', () => {
    const { responses } = document.paths['/dashboard/tasks/stream'].get;
    const content = responses['200'].content['text/event-stream'];
    expect(content.schema).toEqual({ type: 'string' });
    for (const [name, schema] of Object.entries(FRAME_SCHEMAS)) {
      const id = schema.meta()?.id ?? '';
      expect(content['x-events'][name]).toEqual({ $ref: `#/components/schemas/${id}` });
      expect(responses['200'].description).toContain(`${name} (${id})`);
      expect(document.components.schemas).toHaveProperty(id);
    }
  });

  test('has every error code, each under its status', () => {
    const described = operations.flatMap(({ operation }) => Object.values(operation.responses));
    const texts = JSON.stringify(described);
    // Only a path or method that is not in the document meets these two.
    const elsewhere = ['route_not_found', 'method_not_allowed'];
    for (const code of Object.keys(ERROR_CODES).filter((each) => !elsewhere.includes(each))) {
      expect(texts).toContain(`\`${code}\``);
    }
    const { responses } = document.paths['/dashboard/tasks'].get;
    expect(Object.keys(responses)).toEqual(['200', '304', '400', '401', '403', '500', '503']);
  });
});

describe('a schema of the document', () => {
  test('accepts what the contract accepts', () => {
    expect(documented('TaskPage').parse(PAGE)).toEqual(PAGE);
    const frame = { ...taskItem('run-1'), previousStatus: null };
    expect(documented('TaskStatusUpdated').parse(frame)).toEqual(frame);
  });

  test.each(Object.keys(TaskItemSchema.shape))('wants the field %s of an item', (field) => {
    const { [field as 'flow']: _, ...item } = taskItem('run-1');
    expect(documented('TaskItem').safeParse(item).success).toBe(false);
  });

  test('lets answers gain fields', () => {
    const item = { ...taskItem('run-1'), later: 1 };
    expect(documented('TaskItem').safeParse(item).success).toBe(true);
  });
});
