import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { StreamId } from '@tasktrail/contract';
import { TaskProducer } from '@tasktrail/producer';
import { afterEach, expect, test } from 'vitest';
import { differencesBetween, foldAllEvents } from '../../src/demo/expected-tasks.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { canaryBytes } from '../fixtures/canary.ts';
import { eventually } from '../fixtures/facts.ts';
import { useGoogle } from '../fixtures/google.ts';
import { dashboardEnvironment, type Program, usePrograms } from '../fixtures/program.ts';
import { useRedis } from '../fixtures/redis.ts';
import { temporaryDirectory } from '../fixtures/tls-redis.ts';
import { StreamViewer } from '../fixtures/viewer.ts';

const redis = useRedis();
const google = useGoogle();
const programs = usePrograms(google);

/** Each is a new one with every test, and stands nowhere but in its file and in Redis. */
const newPassword = () => canaryBytes(24).toString('hex');

const USERS = ['tasktrail-projector', 'tasktrail-server'] as const;

afterEach(async () => {
  for (const user of USERS) await redis.connect().acl('SETUSER', user, 'resetpass');
});

test('passwords are rotated while events flow: nothing is lost, dropped or refreshed', async () => {
  const { processes, viewer, producer, files, admin, expectFold } = await openWorld();
  const flow = new AbortController();
  const flowing = appendUntil(producer, flow.signal);
  const connections = await idsOf(USERS);

  const next = newPassword();
  for (const user of USERS) await admin.acl('SETUSER', user, `>${next}`);
  await Promise.all(files.map((file) => replace(file, next)));
  // What an operator waits for before the old one is taken away.
  for (const program of processes) {
    await program.whenWritten('Redis took the password that was changed');
  }
  for (const user of USERS) await admin.acl('SETUSER', user, 'resetpass', `>${next}`);
  expect(await idsOf(USERS)).toEqual(connections);

  for (const user of USERS) await admin.client('KILL', 'USER', user);
  for (const program of processes) await program.whenReadyz(200);
  flow.abort();
  await viewer.whenAt(await flowing);
  expect(viewer.refreshes).toEqual([]);
  await expectFold();
  await viewer[Symbol.asyncDispose]();
});

test('a password that Redis does not know is waited for with a clear line, never with a crash', async () => {
  const { processes, viewer, producer, files, admin, expectFold } = await openWorld();
  const next = newPassword();
  for (const user of USERS) {
    await admin.acl('SETUSER', user, 'resetpass', `>${next}`);
    await admin.client('KILL', 'USER', user);
  }
  for (const program of processes) await program.whenReadyz(503);
  const reason = /WRONGPASS .*user tasktrail-\w+ .*TASK_TRACKING_REDIS_PASSWORD_FILE/;
  for (const program of processes) await program.whenWritten(reason);
  const waiting = producer.append({ executionId: 'run-1', status: 'in_progress' });
  // Many attempts, and few lines of them.
  for (const program of processes) {
    const failures = async () =>
      (await program.metrics()).get(
        'tasktrail_redis_connection_errors_total{connection="commands"}',
      );
    await eventually(async () => expect(await failures()).toBeGreaterThan(6));
  }
  const lines = processes.map(({ log }) => log.filter((line) => reason.test(`${line.reason}`)));
  for (const told of lines) expect(told.length).toBeLessThanOrEqual(4);

  await Promise.all(files.map((file) => replace(file, next)));
  for (const program of processes) await program.whenReadyz(200);
  await viewer.whenAt(await waiting);
  expect(viewer.refreshes).toEqual([]);
  await expectFold();
  for (const program of processes) {
    expect(await program.terminate()).toEqual({ code: 0, signal: null });
  }
  await viewer[Symbol.asyncDispose]();
});

/** Projector and server, each with its user and its password in a file, and a viewer that follows. */
async function openWorld() {
  const admin = redis.connect();
  const directory = await temporaryDirectory();
  const start = async (command: string, user: string): Promise<[Program, string]> => {
    const password = newPassword();
    await admin.acl('SETUSER', user, 'resetpass', `>${password}`);
    const file = join(directory, user);
    await writeFile(file, `${password}\n`);
    const env = dashboardEnvironment(redis, google, {
      TASK_TRACKING_REDIS_URL: redis.url.replace(/\/\/(.*@)?/, `//${user}@`),
      TASK_TRACKING_REDIS_PASSWORD_FILE: file,
    });
    return [programs.start([command], env), file];
  };
  const [projector, projectorFile] = await start('projector', USERS[0]);
  const [serve, serveFile] = await start('serve', USERS[1]);
  await Promise.all([projector.whenReadyz(200), serve.whenReadyz(200)]);
  const producer = new TaskProducer({ redis: redis.urlOf('producer') });
  const project = 'acme/api';
  const id = await producer.append({ executionId: 'run-1', project, status: 'queued' });
  const url = await serve.url();
  const token = programs.signIn({ email: 'ana@example.com' });
  const viewer = new StreamViewer({ url: () => url, token }).start();
  await viewer.whenAt(id);
  return {
    processes: [projector, serve],
    files: [projectorFile, serveFile],
    ...{ viewer, producer, admin },
    expectFold: async () => {
      const { tasks } = await foldAllEvents(redis.connect(), KEYS);
      expect(differencesBetween(tasks, viewer.tasks)).toEqual([]);
      await producer.close();
    },
  };
}

/** As a mounted secret is replaced: at once. */
async function replace(file: string, password: string): Promise<void> {
  await writeFile(`${file}.next`, `${password}\n`);
  await rename(`${file}.next`, file);
}

/** Appends without a pause; resolves with the last id. */
async function appendUntil(producer: TaskProducer, signal: AbortSignal): Promise<StreamId> {
  for (let n = 0; ; n += 1) {
    const executionId = `flow-${n % 20}`;
    const status = n % 2 === 0 ? 'in_progress' : 'queued';
    const id = await producer.append({ executionId, project: 'acme/api', status, message: `${n}` });
    if (signal.aborted) return id;
    await delay(5);
  }
}

/** Which connections the users have now; blocking ones come and go only when they fail. */
async function idsOf(users: readonly string[]): Promise<number[]> {
  return await eventually(async () => {
    const list = String(await redis.connect().client('LIST'));
    const lines = list.split('\n').filter((line) => users.some((u) => line.includes(`user=${u} `)));
    // Commands and doorbell of each.
    expect(lines).toHaveLength(2 * users.length);
    return lines.map((line) => Number(/^id=(\d+)/.exec(line)?.[1])).sort((a, b) => a - b);
  });
}
