import { describe, expect, test } from 'vitest';
import { FORGES, IntakeUnavailableError } from '../../../src/intake/intake.ts';
import { answerOf, runDashboard } from '../running-dashboard.ts';
import { EVENT, postEvents, postWebhook, requestCounts, resultsOf } from './posting.ts';

describe.each(FORGES)('a webhook of %s', (forge) => {
  test('that is mapped is 202, with what became of it', async () => {
    await using dashboard = await runDashboard();
    const response = await postWebhook(dashboard, forge, { 'X-Delivery': 'd1' }, '{"a":1}');
    expect(await resultsOf(response)).toEqual([{ id: '1795211160000-1' }]);
    expect(response.headers.get('tasktrail-reason')).toBeNull();
    const [request] = dashboard.stages.webhookRequests;
    expect(request).toMatchObject({ forge, body: Buffer.from('{"a":1}') });
    expect(request?.header('x-delivery')).toBe('d1');
    expect(request?.header('x-other')).toBeUndefined();
    expect(await dashboard.requestLines(1)).toMatchObject([
      { producer: forge, events: { accepted: 1, refused: 0 } },
    ]);
    expect(await requestCounts(dashboard)).toEqual({ [`${forge} accepted`]: 1 });
  });

  test('may be a form', async () => {
    await using dashboard = await runDashboard();
    const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
    await resultsOf(await postWebhook(dashboard, forge, form, 'payload=%7B%7D'));
    expect(dashboard.stages.appended).toEqual(['payload=%7B%7D']);
  });

  test('that tells nothing is 202 with the reason, in one line', async () => {
    await using dashboard = await runDashboard();
    const response = await postWebhook(dashboard, forge, { 'X-Name': 'ignored' });
    expect(await resultsOf(response)).toEqual([]);
    expect(response.headers.get('tasktrail-reason')).toBe('no pull request has it');
  });

  test('of a type that is not mapped is 204 with the reason, in ASCII', async () => {
    await using dashboard = await runDashboard();
    const response = await postWebhook(dashboard, forge, { 'X-Name': 'unmapped' });
    expect(response.status).toBe(204);
    expect(response.headers.get('tasktrail-reason')).toBe('nothing is mapped of " nmapped"');
    expect(response.headers.get('content-type')).toBeNull();
    expect(await response.text()).toBe('');
    expect(await requestCounts(dashboard)).toEqual({ [`${forge} unmapped`]: 1 });
  });

  test('with a bad signature is 401, told no reason, and does not count as the forge', async () => {
    await using dashboard = await runDashboard();
    for (const signature of ['bad', '', null]) {
      const response = await postWebhook(dashboard, forge, { 'X-Signature': signature });
      expect(response.status).toBe(401);
      expect(await response.text()).toBe('{"error":"intake_unauthorized"}');
    }
    expect(dashboard.stages.counted).toEqual(Array(3).fill('address 127.0.0.1'));
    const lines = await dashboard.requestLines(3);
    for (const line of lines) {
      expect(line).toMatchObject({ reason: 'bad_signature' });
      expect(line).not.toHaveProperty('producer');
    }
    expect(await requestCounts(dashboard)).toEqual({ [`${forge} unauthorized`]: 3 });
  });

  test.each(['address 127.0.0.1', `forge ${forge}`])(
    'over the limit of its %s is 429',
    async (limit) => {
      await using dashboard = await runDashboard();
      dashboard.stages.limited.set(limit, 1500);
      const response = await postWebhook(dashboard, forge);
      expect(response.headers.get('retry-after')).toBe('2');
      expect(await answerOf(response)).toMatchObject({ status: 429, error: 'rate_limited' });
      expect(dashboard.stages.appended).toEqual([]);
    },
  );

  test.each(['text/plain', 'application/x-ndjson', '', 'application/json; charset=latin1'])(
    'is 415 as "%s"',
    async (contentType) => {
      await using dashboard = await runDashboard();
      const response = await postWebhook(dashboard, forge, { 'Content-Type': contentType });
      const answer = await answerOf(response);
      expect(answer).toMatchObject({ status: 415, error: 'unsupported_content' });
      expect(answer.message).toContain('application/json');
    },
  );

  test('that is no JSON is 400', async () => {
    await using dashboard = await runDashboard();
    const response = await postWebhook(dashboard, forge, { 'X-Name': 'invalid' });
    expect(await answerOf(response)).toMatchObject({ status: 400, error: 'invalid_body' });
  });

  test('over 1 MiB is 413, whatever its signature', async () => {
    await using dashboard = await runDashboard();
    const body = 'x'.repeat(1024 * 1024 + 1);
    const response = await postWebhook(dashboard, forge, {}, body);
    expect(await answerOf(response)).toMatchObject({ status: 413, error: 'body_too_large' });
    expect(dashboard.stages.webhookRequests).toEqual([]);
  });

  test('is 503 while nothing can be appended', async () => {
    await using dashboard = await runDashboard();
    dashboard.stages.beforeAppend = () => {
      throw new IntakeUnavailableError('Redis is away');
    };
    const response = await postWebhook(dashboard, forge);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await answerOf(response)).toMatchObject({ status: 503, error: 'unavailable' });
  });
});

describe('why nothing can be appended', () => {
  test('is logged with its source, in one line a second', async () => {
    await using dashboard = await runDashboard();
    dashboard.stages.beforeAppend = () => {
      const cause = new Error('OOM command not allowed');
      throw new IntakeUnavailableError('Redis is away', { cause });
    };
    const answers = [await postWebhook(dashboard, 'gitea'), await postEvents(dashboard, EVENT)];
    expect(answers.map(({ status }) => status)).toEqual([503, 503]);
    const lines = dashboard.logged().trim().split('\n');
    const told = lines.map((line) => JSON.parse(line)).filter(({ source }) => source);
    expect(told).toMatchObject([
      { level: 'warn', source: 'gitea', reason: 'OOM command not allowed' },
    ]);
    expect(told[0]).not.toHaveProperty('err');
  });
});

describe('webhooks', () => {
  test('have a path for each forge, and for no other', async () => {
    await using dashboard = await runDashboard();
    const response = await dashboard.get('/webhooks/gitlab', { method: 'POST' });
    expect(await answerOf(response)).toMatchObject({ status: 404, error: 'route_not_found' });
  });
});
