import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { ErrorBodySchema } from '@tasktrail/contract';
import { expect, test } from 'vitest';
import { eventually } from '../fixtures/facts.ts';
import { useGoogle } from '../fixtures/google.ts';
import { dashboardEnvironment, type Program, usePrograms } from '../fixtures/program.ts';
import { useRedis } from '../fixtures/redis.ts';
import { SseClient } from '../fixtures/sse.ts';

const redis = useRedis();
const google = useGoogle();
const programs = usePrograms(google);

/** Addresses of this machine that nothing else of the test uses. */
const FLOODER = '127.0.0.9';
const PAUSE_MS = 1500;

test('what the limits of a running server refuse is told why, and counted', async () => {
  const program = programs.start(['all'], {
    ...dashboardEnvironment(redis, google),
    TASK_DASHBOARD_MAX_STREAMS: '1',
    TASK_DASHBOARD_MAX_CONNECTIONS_PER_IP: '20',
    TASK_DASHBOARD_SNAPSHOT_CONCURRENCY: '1',
    TASK_DASHBOARD_SNAPSHOT_QUEUE: '0',
  });
  await program.whenReadyz(200);
  const url = await program.url();
  const authorized = (name: string) => ({
    Authorization: `Bearer ${programs.signIn({ email: `${name}@example.com` })}`,
  });

  await using stream = await SseClient.open({
    ...{ url, path: '/dashboard/tasks/stream', headers: authorized('ana') },
  });
  await stream.whenCame('keepalive');
  await using refused = await SseClient.open({
    ...{ url, path: '/dashboard/tasks/stream', headers: authorized('ben') },
  });
  expect((await refused.whenCame('reconnect')).data.reason).toBe('capacity');

  const longUrl = await fetch(`${url}/?x=${'x'.repeat(8192)}`);
  expect(ErrorBodySchema.parse(await longUrl.json()).error).toBe('invalid_query');
  const longHead = await send(url, `GET / HTTP/1.1\r\nX: ${'x'.repeat(16 * 1024)}\r\n\r\n`);
  expect(longHead).toMatch(/^HTTP\/1\.1 431 .*"invalid_query"/s);

  const open = Array.from({ length: 20 }, () => hold(url));
  await eventually(async () =>
    expect(await send(url, '', FLOODER)).toMatch(/ 503 .*of this addr/s),
  );
  for (const socket of open) socket.destroy();

  await redis.connect().client('PAUSE', PAUSE_MS, 'ALL');
  // One of them has the only place until Redis goes on.
  const paths = ['run-1', 'run-2', 'run-3'].map((id) => `/dashboard/tasks/${id}`);
  const answers = await Promise.all(
    paths.map((path) => fetch(url + path, { headers: authorized('ana') })),
  );
  const unavailable = answers.filter(({ status }) => status === 503);
  expect(unavailable).toHaveLength(2);
  for (const answer of unavailable) {
    expect(Number(answer.headers.get('Retry-After'))).toBeGreaterThan(0);
    expect(ErrorBodySchema.parse(await answer.json()).error).toBe('unavailable');
  }

  const metrics = await metricsOf(program);
  expect(metrics).toMatchObject({
    'tasktrail_streams_refused_total{reason="capacity"}': 1,
    'tasktrail_http_request_duration_seconds_count{route="none",status="414"}': 1,
    'tasktrail_bad_requests_total{status="431"}': 1,
    'tasktrail_snapshot_refused_total{reason="queue_full"}': 2,
    'tasktrail_answers_cut_total{limit="memory"}': 0,
  });
  expect(metrics['tasktrail_connections_refused_total{limit="address"}']).toBeGreaterThan(0);
});

function hold(url: string) {
  const { hostname, port } = new URL(url);
  return connect({ host: hostname, port: Number(port), localAddress: FLOODER }).on(
    'error',
    () => {},
  );
}

/** Sends this over a connection of its own, and gives what comes until the server closes it. */
async function send(url: string, bytes: string, from = '127.0.0.1'): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), localAddress: from });
  await once(socket, 'connect');
  socket.write(bytes);
  return await text(socket);
}

async function metricsOf(program: Program): Promise<Record<string, number>> {
  return Object.fromEntries(await program.metrics());
}
