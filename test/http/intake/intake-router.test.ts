import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { createObservers } from '../../../src/app-observers.ts';
import { INTAKE_PATHS } from '../../../src/http/intake/intake-routes.ts';
import { createMetrics } from '../../../src/runtime/metrics.ts';
import { answerOf, runDashboard } from '../running-dashboard.ts';
import { EVENT, postEvents, postWebhook, requestCounts } from './posting.ts';

const PATHS = [...INTAKE_PATHS];

describe('intake that is switched off', () => {
  test.each(PATHS)('has nothing at %s, and says what switches it on', async (path) => {
    await using dashboard = await runDashboard({ intake: undefined });
    for (const method of ['POST', 'GET', 'OPTIONS']) {
      const answer = await answerOf(await dashboard.get(path, { method }));
      expect(answer).toMatchObject({ status: 404, error: 'route_not_found' });
      expect(answer.message).toContain('TASK_INTAKE_ENABLED');
    }
  });

  test('leaves the rest as it is', async () => {
    await using dashboard = await runDashboard({ intake: undefined });
    expect((await dashboard.get('/dashboard/tasks')).status).toBe(200);
    const { message } = await answerOf(await dashboard.get('/nothing'));
    expect(message).not.toContain('TASK_INTAKE_ENABLED');
  });
});

describe.each(PATHS)('%s', (path) => {
  test.each(['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH'])('is not asked with %s', async (method) => {
    await using dashboard = await runDashboard();
    const response = await dashboard.get(path, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('POST, OPTIONS');
    if (method === 'HEAD') expect(await response.text()).toBe('');
    else expect(await answerOf(response)).toMatchObject({ error: 'method_not_allowed' });
    expect(await requestCounts(dashboard)).toEqual({});
  });

  test('says with OPTIONS how it is asked', async () => {
    await using dashboard = await runDashboard();
    const response = await dashboard.get(path, { method: 'OPTIONS', headers: {} });
    expect(response.status).toBe(204);
    expect(response.headers.get('allow')).toBe('POST, OPTIONS');
  });

  test('is for no page, whatever its origin', async () => {
    await using dashboard = await runDashboard({
      http: { corsOrigins: ['*'], trustedProxies: [] },
    });
    const origin = { Origin: 'https://dashboard.example.com' };
    const preflight = { ...origin, 'Access-Control-Request-Method': 'POST' };
    for (const [method, headers] of [
      ['OPTIONS', preflight],
      ['POST', origin],
      ['GET', origin],
    ] as const) {
      const response = await dashboard.get(path, { method, headers });
      const names = [...response.headers.keys()];
      expect(names.filter((name) => name.startsWith('access-control-'))).toEqual([]);
      expect(response.headers.get('vary')).toBe('Origin');
    }
  });

  test.each(['/', 'x', '%2F'])('with %s behind it is no route', async (tail) => {
    await using dashboard = await runDashboard();
    const response = await dashboard.get(path + tail, { method: 'POST' });
    expect(await answerOf(response)).toMatchObject({ status: 404, error: 'route_not_found' });
  });
});

describe('every answer to what is sent', () => {
  test('is kept by nobody, is nothing but data, and can be named', async () => {
    await using dashboard = await runDashboard();
    const answers = [
      await postEvents(dashboard, EVENT),
      await postEvents(dashboard, '{'),
      await postEvents(dashboard, EVENT, { Authorization: null }),
      await postWebhook(dashboard, 'github'),
      await postWebhook(dashboard, 'gitea', { 'X-Name': 'unmapped' }),
      await postWebhook(dashboard, 'gitea', { 'X-Signature': 'bad' }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([202, 400, 401, 202, 204, 401]);
    for (const { headers } of answers) {
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('x-request-id')).toMatch(/./);
    }
  });

  test('has a line that names the producer and counts the events, and holds no key', async () => {
    await using dashboard = await runDashboard();
    await postEvents(dashboard, [EVENT, {}]);
    await postEvents(dashboard, EVENT, { Authorization: 'Bearer ttk_canary' });
    await postWebhook(dashboard, 'github', { 'X-Signature': 'canary' });
    expect(await dashboard.requestLines(3)).toMatchObject([
      {
        msg: 'POST /events 202',
        producer: 'ci',
        events: { accepted: 1, refused: 1 },
      },
      { msg: 'POST /events 401', reason: 'unknown_api_key' },
      { msg: 'POST /webhooks/github 401', reason: 'bad_signature' },
    ]);
    const key = 'ttk_canary';
    await dashboard.get(`/events?authToken=${key}`, { method: 'POST', headers: {} });
    await dashboard.get(`/events/${key}`, { method: 'POST', headers: { 'X-Request-Id': key } });
    await dashboard.requestLines(5);
    expect(dashboard.logged()).not.toMatch(/ttk_|canary/);
  });
});

describe('the metrics of intake', () => {
  test('say who counts requests, through the observer of the process', async () => {
    const metrics = createMetrics();
    const { intake } = createObservers(metrics, pino({ level: 'silent' }));
    const value = async () => (await metrics.intake.rateLimitsLocal.get()).values[0]?.value;
    expect(await value()).toBe(0);
    intake.onRateLimitsLocal(true, 'Redis is full');
    expect(await value()).toBe(1);
    intake.onRateLimitsLocal(false);
    expect(await value()).toBe(0);
  });

  test('have every pair of labels from the start', async () => {
    const { intake } = createMetrics();
    const requests = (await intake.requests.get()).values;
    const results =
      'accepted unmapped unauthorized forbidden limited invalid too_large unsupported conflict ' +
      'unavailable aborted failed';
    expect(requests.map(({ labels, value }) => ({ ...labels, value }))).toEqual(
      ['http', 'github', 'gitea'].flatMap((source) =>
        results.split(' ').map((result) => ({ source, result, value: 0 })),
      ),
    );
    const events = (await intake.events.get()).values;
    expect(events.map(({ labels }) => `${labels.source} ${labels.result}`)).toEqual(
      ['http', 'github', 'gitea'].flatMap((source) =>
        ['appended', 'repeated', 'refused', 'quarantined'].map((result) => `${source} ${result}`),
      ),
    );
  });
});
