import { describe, expect, test } from 'vitest';
import { EVENT_MEDIA_TYPES, IntakeUnavailableError } from '../../../src/intake/intake.ts';
import { answerOf, runDashboard } from '../running-dashboard.ts';
import { EVENT, postEvents, RawClient, rawAnswerOf, requestCounts, resultsOf } from './posting.ts';

describe('events', () => {
  test('are appended, and answered with the id of each', async () => {
    await using dashboard = await runDashboard();
    const results = await resultsOf(await postEvents(dashboard, EVENT));
    expect(results).toEqual([{ id: '1795211160000-1' }]);
    expect(dashboard.stages.appended).toMatchObject([{ executionId: 'run-1' }]);
  });

  test('are answered one by one: a bad one does not spoil the others', async () => {
    await using dashboard = await runDashboard();
    const results = await resultsOf(await postEvents(dashboard, [EVENT, { ...EVENT, status: 1 }]));
    expect(results).toEqual([
      { id: '1795211160000-1' },
      { error: { field: 'status', reason: 'invalid_value', detail: expect.any(String) } },
    ]);
    const [line] = await dashboard.requestLines(1);
    expect(line).toMatchObject({ producer: 'ci', events: { accepted: 1, refused: 1 } });
  });

  test.each([
    ...EVENT_MEDIA_TYPES,
    'Application/JSON',
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
    'application/x-ndjson; charset=utf8',
  ])('are handed on as %s, exactly as they came', async (contentType) => {
    await using dashboard = await runDashboard();
    const body = ` ${JSON.stringify({ ...EVENT, message: 'né' })}\n`;
    const response = await postEvents(dashboard, body, { 'Content-Type': contentType });
    expect(response.status).toBe(202);
    const [request] = dashboard.stages.eventsRequests;
    expect(request?.body.equals(Buffer.from(body))).toBe(true);
    expect(request?.mediaType).toBe(contentType.split(';')[0]?.toLowerCase());
    expect(request?.producer.name).toBe('ci');
  });

  test('that are sent again with the same key are told to be a repeat', async () => {
    await using dashboard = await runDashboard();
    const key = { 'Idempotency-Key': 'k1' };
    const first = await postEvents(dashboard, EVENT, key);
    const second = await postEvents(dashboard, EVENT, key);
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect(await resultsOf(second)).toEqual(await resultsOf(first));
    expect(dashboard.stages.eventsRequests[0]?.idempotencyKey).toBe('k1');
  });

  test('of another request with the same key are 422', async () => {
    await using dashboard = await runDashboard();
    const key = { 'Idempotency-Key': 'k1' };
    await postEvents(dashboard, EVENT, key);
    const response = await postEvents(dashboard, [EVENT], key);
    expect(await answerOf(response)).toMatchObject({
      status: 422,
      error: 'idempotency_key_reused',
    });
    expect(await requestCounts(dashboard)).toEqual({ 'http accepted': 1, 'http conflict': 1 });
  });

  test.each([
    [
      'twice',
      [
        ['Idempotency-Key', 'a'],
        ['Idempotency-Key', 'b'],
      ],
    ],
    [
      'twice, the same',
      [
        ['Idempotency-Key', 'a'],
        ['idempotency-key', 'a'],
      ],
    ],
    ['empty', [['Idempotency-Key', '']]],
  ])('with an Idempotency-Key that is there %s are 400', async (_, keys) => {
    await using dashboard = await runDashboard();
    using client = new RawClient(dashboard);
    client.begin(...keys.map((pair) => pair.join(': ')), 'Content-Length: 2').send('{}');
    const answer = rawAnswerOf(await client.until(/\}$/));
    expect(answer).toMatchObject({ status: 400, error: 'invalid_query' });
    expect(dashboard.stages.eventsRequests).toEqual([]);
  });

  test('that are no JSON are 400, as the stage says', async () => {
    await using dashboard = await runDashboard();
    for (const body of ['', '{', 'x']) {
      expect(await answerOf(await postEvents(dashboard, body))).toEqual({
        status: 400,
        error: 'invalid_body',
        message: 'is no JSON',
      });
    }
    expect(await requestCounts(dashboard)).toEqual({ 'http invalid': 3 });
  });

  test('of more than 1,000 are 413', async () => {
    await using dashboard = await runDashboard();
    const response = await postEvents(dashboard, Array(1001).fill(1));
    expect(await answerOf(response)).toEqual({
      status: 413,
      error: 'body_too_large',
      message: 'a request has at most 1000 events',
    });
    expect((await postEvents(dashboard, Array(1000).fill(1))).status).toBe(202);
  });

  test('are 503 while nothing can be appended', async () => {
    await using dashboard = await runDashboard();
    dashboard.stages.beforeAppend = () => {
      throw new IntakeUnavailableError('Redis at 10.0.0.1 is away');
    };
    const response = await postEvents(dashboard, EVENT);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    const answer = await answerOf(response);
    expect(answer).toMatchObject({ status: 503, error: 'unavailable' });
    expect(answer.message).not.toContain('10.0.0.1');
    expect(await requestCounts(dashboard)).toEqual({ 'http unavailable': 1 });
  });

  test('are 500 where the stage fails, and counted so', async () => {
    await using dashboard = await runDashboard();
    dashboard.stages.beforeAppend = () => {
      throw new Error('secret internals');
    };
    const answer = await answerOf(await postEvents(dashboard, EVENT));
    expect(answer).toMatchObject({ status: 500, error: 'internal' });
    expect(await requestCounts(dashboard)).toEqual({ 'http failed': 1 });
  });
});

describe('a sender of events', () => {
  const unknown: [string, string | null, string][] = [
    ['nothing', null, 'no_token'],
    ['an unknown key', 'Bearer ttk_old', 'unknown_api_key'],
    ['two tokens', 'Bearer ttk_valid,ttk_valid', 'several_tokens'],
    ['another scheme', 'Basic dHRrX3ZhbGlkOg==', 'no_token'],
    ['no token', 'Bearer', 'malformed'],
  ];

  test.each(unknown)('with %s is 401, and told no reason', async (_, authorization, reason) => {
    await using dashboard = await runDashboard();
    const response = await postEvents(dashboard, EVENT, { Authorization: authorization });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
    expect(await response.text()).toBe('{"error":"intake_unauthorized"}');
    expect(await dashboard.requestLines(1)).toMatchObject([{ reason }]);
    expect(await requestCounts(dashboard)).toEqual({ 'http unauthorized': 1 });
  });

  test('is not found in the query', async () => {
    await using dashboard = await runDashboard();
    const response = await dashboard.get('/events?authToken=ttk_valid', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(EVENT),
    });
    expect(response.status).toBe(401);
  });

  test('who is no producer is 403', async () => {
    await using dashboard = await runDashboard();
    const response = await postEvents(dashboard, EVENT, { Authorization: 'Bearer viewer' });
    expect(await answerOf(response)).toMatchObject({ status: 403, error: 'intake_forbidden' });
    expect(await dashboard.requestLines(1)).toMatchObject([{ reason: 'not_a_producer' }]);
    expect(await requestCounts(dashboard)).toEqual({ 'http forbidden': 1 });
  });

  test('is 503 while tokens cannot be judged', async () => {
    await using dashboard = await runDashboard();
    const away = { Authorization: 'Bearer certificates-away' };
    const response = await postEvents(dashboard, EVENT, away);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await answerOf(response)).toMatchObject({ status: 503, error: 'unavailable' });
  });

  test.each([
    ['address 127.0.0.1', 1, '1'],
    ['address 127.0.0.1', 1001, '2'],
    ['producer ci', 0, '1'],
    ['producer ci', 60_000, '60'],
  ])('over the limit of its %s for %i ms waits %s s', async (limit, retryAfterMs, seconds) => {
    await using dashboard = await runDashboard();
    dashboard.stages.limited.set(limit, retryAfterMs);
    const response = await postEvents(dashboard, EVENT);
    expect(response.headers.get('retry-after')).toBe(seconds);
    expect(await answerOf(response)).toMatchObject({ status: 429, error: 'rate_limited' });
    expect(await requestCounts(dashboard)).toEqual({ 'http limited': 1 });
  });
});

describe('what is refused first', () => {
  test('is the address, then the token, the producer, the content type and the body', async () => {
    await using dashboard = await runDashboard();
    const { stages } = dashboard;
    stages.limited.set('address 127.0.0.1', 1).set('producer ci', 1);
    const headers = { Authorization: 'Bearer old', 'Content-Type': 'text/plain' };
    const body = 'x'.repeat(1024 * 1024 + 1);
    const ask = async (changes: Record<string, string> = {}) =>
      (await postEvents(dashboard, body, { ...headers, ...changes })).status;

    expect(await ask()).toBe(429);
    expect(stages.counted).toEqual(['address 127.0.0.1']);
    stages.limited.delete('address 127.0.0.1');
    expect(await ask()).toBe(401);
    const Authorization = 'Bearer ttk_valid';
    expect(await ask({ Authorization })).toBe(429);
    stages.limited.clear();
    expect(await ask({ Authorization })).toBe(415);
    expect(await ask({ Authorization, 'Content-Type': 'application/json' })).toBe(413);
    expect(stages.eventsRequests).toEqual([]);
  });
});
