import { once } from 'node:events';
import { connect } from 'node:net';
import { TaskProducer } from '@tasktrail/producer';
import { describe, expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { useGoogle } from '../fixtures/google.ts';
import { dashboardEnvironment, usePrograms } from '../fixtures/program.ts';
import { useRedis } from '../fixtures/redis.ts';
import { SseClient } from '../fixtures/sse.ts';

const redis = useRedis();
const google = useGoogle();
const programs = usePrograms(google);

const CLEAN = { code: 0, signal: null };
/** Nothing listens on the discard port of a test machine. */
const NO_REDIS = 'redis://127.0.0.1:9';

/** More than one a tick, so that the drain takes a while. */
const STREAMS = 40;

describe('a server with open streams that is told to stop', () => {
  test('is not ready first, takes leave of every stream, serves meanwhile, and ends within 10 s', async () => {
    const program = await startAll();
    const url = await program.url();
    await using producer = new TaskProducer({ redis: redis.urlOf('producer') });
    await using clients = new AsyncDisposableStack();
    const streams = await Promise.all(
      Array.from({ length: STREAMS }, async () => clients.use(await openStream(url))),
    );
    await Promise.all(streams.map((stream) => stream.whenCame('keepalive')));

    const startedAt = performance.now();
    const stopped = program.terminate();
    await program.whenReadyz(503);
    const onMainPort = await fetch(`${url}/readyz`);
    expect(onMainPort.status).toBe(503);
    expect(await onMainPort.json()).toMatchObject({ ready: false, draining: true });
    expect(streams.filter(({ end }) => end === 'open').length).toBeGreaterThan(0);

    // Who has not been told yet still gets every change, and who comes now is sent away.
    await producer.append({ executionId: 'late', project: 'acme/api', status: 'queued' });
    await using newcomer = await openStream(url);
    expect((await newcomer.whenCame('reconnect')).data.reason).toBe('draining');
    await Promise.all(streams.map((stream) => stream.whenEnded()));
    expect(streams.some((stream) => stream.named('task_status_updated').length > 0)).toBe(true);
    for (const { frames, end } of streams) {
      expect(frames.at(-1)).toMatchObject({ name: 'reconnect', data: { reason: 'draining' } });
      expect(end).toBe('whole');
    }
    expect(await stopped).toEqual(CLEAN);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });

  test('does not wait for a client that reads nothing, nor for one that never sent a request', async () => {
    const program = await startAll();
    const url = await program.url();
    await using producer = new TaskProducer({ redis: redis.urlOf('producer') });
    await using client = await openStream(url);
    await client.whenCame('keepalive');
    client.stopReading();
    const silent = connect(Number(new URL(url).port), '127.0.0.1');
    await once(silent, 'connect');
    const message = 'm'.repeat(2000);
    for (let n = 0; (await parked(program)) === 0; n += 1) {
      await producer.append({
        executionId: 'run-1',
        project: 'acme/api',
        status: 'queued',
        message,
      });
      for (let more = 0; more < 500; more += 1) {
        producer.append({
          executionId: `run-${n}-${more}`,
          project: 'acme/api',
          status: 'queued',
          message,
        });
      }
      await producer.flush();
    }
    const startedAt = performance.now();
    expect(await program.terminate()).toEqual(CLEAN);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    silent.destroy();
  });
});

test('a projector that is told to stop ends at once and gives its lease to a standby', async () => {
  const env = { ...dashboardEnvironment(redis, google) };
  const leader = programs.start(['projector'], env);
  await leader.whenWritten('projector is applying');
  const standby = programs.start(['projector'], env);
  await standby.whenWritten('projector is standby');
  const startedAt = performance.now();
  expect(await leader.terminate()).toEqual(CLEAN);
  await standby.whenWritten('projector is applying');
  // Well before the lease would have ended by itself.
  expect(performance.now() - startedAt).toBeLessThan(4000);
  expect(await standby.terminate()).toEqual(CLEAN);
  expect(await redis.connect().exists(KEYS.lease)).toBe(0);
});

test('every command stops cleanly before it has ever reached Redis', async () => {
  const env = dashboardEnvironment(redis, google, { TASK_TRACKING_REDIS_URL: NO_REDIS });
  const commands = ['serve', 'projector', 'all'].map((command) => programs.start([command], env));
  await Promise.all(commands.map((program) => program.whenReadyz(503)));
  const startedAt = performance.now();
  const exits = await Promise.all(commands.map((program) => program.terminate()));
  expect(exits).toEqual([CLEAN, CLEAN, CLEAN]);
  expect(performance.now() - startedAt).toBeLessThan(4000);
});

test('a signal while it is still starting is a clean stop too', async () => {
  const env = dashboardEnvironment(redis, google, { TASK_TRACKING_REDIS_URL: NO_REDIS });
  const program = programs.start(['all'], env);
  await program.whenWritten('a Redis connection failed');
  expect(await program.terminate()).toEqual(CLEAN);
});

test('a second signal ends it at once', async () => {
  const program = await startAll();
  const url = await program.url();
  await using clients = new AsyncDisposableStack();
  await Promise.all(
    Array.from({ length: STREAMS }, async () => clients.use(await openStream(url))),
  );
  program.signal('SIGINT');
  await program.whenReadyz(503);
  program.signal('SIGINT');
  expect(await program.exited).toEqual({ code: 1, signal: null });
});

async function startAll() {
  return programs.start(['all'], dashboardEnvironment(redis, google)).whenReadyz(200);
}

async function openStream(url: string): Promise<SseClient> {
  const token = programs.signIn({ email: 'ana@example.com' });
  const headers = { Authorization: `Bearer ${token}` };
  const stream = await SseClient.open({ url, path: '/dashboard/tasks/stream', headers });
  expect(stream.status).toBe(200);
  return stream;
}

async function parked(program: Awaited<ReturnType<typeof startAll>>): Promise<number> {
  return (await program.metrics()).get('tasktrail_streams_parked') ?? 0;
}
