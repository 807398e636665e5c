import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TaskProducer } from '@tasktrail/producer';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { parseRedisUrl } from '../../src/redis/redis-url.ts';
import { Authority } from '../fixtures/authority.ts';
import { idOf } from '../fixtures/events.ts';
import { eventually, whenProjected } from '../fixtures/facts.ts';
import { useGoogle } from '../fixtures/google.ts';
import { dashboardEnvironment, usePrograms } from '../fixtures/program.ts';
import { asUser } from '../fixtures/redis-users.ts';
import { startTlsRedis, temporaryDirectory, writeCertificate } from '../fixtures/tls-redis.ts';
import { StreamViewer } from '../fixtures/viewer.ts';

const google = useGoogle();
const programs = usePrograms(google);

const EVENT = ['--execution-id', 'run-1', '--project', 'acme/api', '--status', 'queued'];

const NAME = 'every command reaches a Redis of a private authority, with a certificate of its own';

test(NAME, { timeout: 90_000 }, async () => {
  const authority = await Authority.create('Ours');
  const tls = await startTlsRedis({
    certificate: await authority.issue(['127.0.0.1']),
    clientAuthority: authority.cert,
  });
  const directory = await temporaryDirectory();
  const ca = join(directory, 'ca.crt');
  await writeFile(ca, authority.cert);
  const { cert, key } = await writeCertificate(directory, await authority.issue(['us']), 'client');
  const env = dashboardEnvironment({ url: tls.url }, google, {
    TASK_TRACKING_REDIS_CA: ca,
    TASK_TRACKING_REDIS_CERT: cert,
    TASK_TRACKING_REDIS_KEY: key,
  });
  const processes = ['projector', 'serve'].map((command) => programs.start([command], env));
  const tail = programs.start(['tail', '--limit', '1', '--since', '0-0'], env);
  const [, serve] = await Promise.all(processes.map((program) => program.whenReadyz(200)));
  const url = (await serve?.url()) ?? '';
  const token = programs.signIn({ email: 'ana@example.com' });
  await using viewer = new StreamViewer({ url: () => url, token }).start();

  const emitted = await programs.run(['emit', ...EVENT], env);
  expect(emitted).toMatchObject({ code: 0, stderr: '' });
  await viewer.whenAt(idOf(emitted.stdout.trim()));
  expect(await tail.exited).toEqual({ code: 0, signal: null });
  expect(JSON.parse(tail.stdout)).toMatchObject({ item: { executionId: 'run-1' } });
  for (const command of [['quarantine', 'list'], ['identities', 'check'], ['check']]) {
    expect(await programs.run(command, env)).toMatchObject({ code: 0 });
  }

  // A bot, as its package's README says.
  const producer = new TaskProducer({
    redis: {
      ...parseRedisUrl(asUser(tls.url, 'producer')),
      tls: { ca: authority.cert, ...(await authority.issue(['bot'])) },
    },
  });
  await viewer.whenAt(await producer.append({ executionId: 'run-1', status: 'success' }));
  await producer.close();
});

test('an authority that is not trusted is told, briefly, and waited for until it is', async () => {
  const [ours, theirs] = await Promise.all([Authority.create('Ours'), Authority.create('Theirs')]);
  const tls = await startTlsRedis({ certificate: await ours.issue(['127.0.0.1']) });
  const ca = join(await temporaryDirectory(), 'ca.crt');
  await writeFile(ca, theirs.cert);
  const env = dashboardEnvironment({ url: tls.url }, google, { TASK_TRACKING_REDIS_CA: ca });
  const program = programs.start(['all'], env);
  await program.whenReadyz(503);
  const failures = async () =>
    (await program.metrics()).get('tasktrail_redis_connection_errors_total{connection="commands"}');
  await eventually(async () => expect(await failures()).toBeGreaterThan(6));
  const told = program.log.filter(({ reason }) =>
    `${reason}`.includes('set TASK_TRACKING_REDIS_CA to the PEM file'),
  );
  // Of three connections and two loops, each once.
  expect(told.length).toBeGreaterThan(0);
  expect(told.length).toBeLessThanOrEqual(5);
  const emitted = await programs.run(['quarantine', 'list'], env);
  expect(emitted).toMatchObject({ code: 1, stderr: expect.stringContaining('not trusted') });

  await writeFile(ca, ours.cert);
  await program.whenReadyz(200);
  const { stdout } = await programs.run(['emit', ...EVENT], env);
  const redis = new Redis(tls.plainUrl);
  await whenProjected(redis, idOf(stdout.trim()));
  redis.disconnect();
  expect(await program.terminate()).toEqual({ code: 0, signal: null });
});

test('files that are not there are told at start, with exit code 2', async () => {
  const env = { TASK_TRACKING_REDIS_URL: 'rediss://127.0.0.1', TASK_TRACKING_REDIS_CA: '/no/ca' };
  const [projector, emit] = await Promise.all([
    programs.run(['projector'], env),
    programs.run(['emit', ...EVENT], env),
  ]);
  const stderr = 'tasktrail: correct the Redis CA file /no/ca:\n  it cannot be read: ENOENT\n';
  expect(projector).toMatchObject({ code: 2, stdout: '', stderr });
  expect(emit).toMatchObject({ code: 2, stdout: '', stderr });
});
