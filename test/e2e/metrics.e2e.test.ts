import type { StreamId } from '@tasktrail/contract';
import { TaskProducer } from '@tasktrail/producer';
import { expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { eventually, whenProjected } from '../fixtures/facts.ts';
import { useGoogle } from '../fixtures/google.ts';
import { dashboardEnvironment, usePrograms } from '../fixtures/program.ts';
import { useRedis } from '../fixtures/redis.ts';
import { SseClient } from '../fixtures/sse.ts';

const redis = useRedis();
const google = useGoogle();
const programs = usePrograms(google);

test('after a run the metrics of both processes say what happened in it', async () => {
  const env = dashboardEnvironment(redis, google, { TASK_DASHBOARD_MAX_STREAMS_PER_VIEWER: '2' });
  const serve = programs.start(['serve'], env);
  const waiting = await appendEvents();
  await serve.whenReadyz(200);
  // The server tells that events wait, when there is no projector to tell it.
  expect((await serve.metrics()).get('tasktrail_projector_lag_events')).toBe(16);
  const projector = await programs.start(['projector'], env).whenReadyz(200);
  await whenProjected(redis.connect(), waiting);
  expect(Object.fromEntries(await projector.metrics())).toMatchObject({
    'tasktrail_projector_events_total{outcome="applied"}': 10,
    'tasktrail_projector_events_total{outcome="duplicate"}': 2,
    'tasktrail_projector_events_total{outcome="stale"}': 1,
    'tasktrail_projector_events_total{outcome="quarantined"}': 3,
    tasktrail_projector_lag_events: 0,
    tasktrail_projector_lag_seconds: 0,
    tasktrail_projector_commit_conflicts_total: expect.any(Number),
    tasktrail_projector_batch_events_sum: 16,
  });

  const url = await serve.url();
  const open = async (headers: Record<string, string> = {}) => {
    const authorized = { Authorization: `Bearer ${programs.signIn()}`, ...headers };
    return SseClient.open({ url, path: '/dashboard/tasks/stream', headers: authorized });
  };
  await using clients = new AsyncDisposableStack();
  const live = clients.use(await open());
  const position = (await live.whenCame('keepalive')).id ?? '';
  const epoch = position.split('.')[1];
  for (const lastEventId of [position, 'v1.another.1-0', 'nonsense', `v1.${epoch}.0-0`]) {
    const resumed = await open({ 'Last-Event-ID': lastEventId });
    await resumed.whenCame('keepalive');
    await resumed[Symbol.asyncDispose]();
    // The server learns a little later that it has left.
    await eventually(async () =>
      expect((await serve.metrics()).get('tasktrail_streams_open')).toBe(1),
    );
  }
  clients.use(await open());
  const refused = await open();
  expect(refused.status).toBe(429);
  expect(await refused.body()).toContain('too_many_streams');

  const told = await redis.connect().xadd(KEYS.events, '*', ...changed());
  await whenProjected(redis.connect(), told as StreamId);
  await live.whenCame('task_status_updated');
  expect(Object.fromEntries(await serve.metrics())).toMatchObject({
    tasktrail_streams_open: 2,
    tasktrail_streams_opened_total: 6,
    'tasktrail_streams_closed_total{reason="client"}': 4,
    'tasktrail_streams_refused_total{reason="viewer"}': 1,
    'tasktrail_stream_resumes_total{outcome="live"}': 2,
    'tasktrail_stream_resumes_total{outcome="replayed"}': 2,
    'tasktrail_stream_resumes_total{outcome="cursor_epoch"}': 1,
    'tasktrail_stream_resumes_total{outcome="cursor_invalid"}': 1,
    'tasktrail_stream_refreshes_total{reason="cursor_epoch"}': 1,
    'tasktrail_stream_refreshes_total{reason="cursor_invalid"}': 1,
    'tasktrail_tailer_resets_total{cause="start"}': 1,
    tasktrail_stream_delivery_delay_seconds_count: expect.any(Number),
    'tasktrail_http_request_duration_seconds_count{route="/dashboard/tasks/stream",status="429"}': 1,
  });
});

/** 10 that apply, 2 copies, 1 too late, and 3 that are no valid events; resolves with the last. */
async function appendEvents(): Promise<StreamId> {
  await using producer = new TaskProducer({ redis: redis.urlOf('producer') });
  const project = 'acme/api';
  for (let n = 1; n <= 9; n += 1) {
    await producer.append({ executionId: `run-${n}`, project, status: 'queued', eventId: `${n}` });
  }
  await producer.append({ executionId: 'run-1', status: 'success', attempt: 2 });
  await producer.append({ executionId: 'run-1', status: 'error', attempt: 1 });
  await producer.append({ executionId: 'run-2', status: 'queued', eventId: '2' });
  await producer.append({ executionId: 'run-3', status: 'queued', eventId: '3' });
  await producer.append({ executionId: 'run-2', project: 'acme/another', status: 'queued' });
  await producer.append({ executionId: 'unknown', status: 'queued' });
  const client = redis.connect();
  return (await client.xadd(KEYS.events, '*', 'executionId', 'run-1')) as StreamId;
}

function changed(): string[] {
  return ['executionId', 'run-1', 'occurredAt', new Date().toISOString(), 'message', 'changed'];
}
