import { describe, expect, onTestFinished, test } from 'vitest';
import { startPrivateRedis } from '../../src/demo/private-redis.ts';
import { redisOnPath } from '../../src/demo/redis-program.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { eventually } from '../fixtures/facts.ts';
import { useGoogle } from '../fixtures/google.ts';
import { dashboardEnvironment, usePrograms } from '../fixtures/program.ts';
import { useRedis } from '../fixtures/redis.ts';

const redis = useRedis();
const google = useGoogle();
const programs = usePrograms(google);

const FAILURE = { code: 1, signal: null };
const COMMANDS = ['projector', 'serve', 'all'];
/** A start on busy cores; a loop that tried again would take for ever. */
const AT_ONCE_MS = 10_000;

/** A server of the test's own, whose only user may do anything. */
async function startServer(settings: Readonly<Record<string, string>>) {
  const finder = redisOnPath(process.env.PATH);
  const server = await startPrivateRedis({ finder, settings });
  onTestFinished(() => server.stop());
  const url = server.url.replace('//', '//default:any@');
  return { server, env: dashboardEnvironment({ url }, google) };
}

describe('a Redis that does not do', () => {
  test.for(COMMANDS)('ends %s with exit code 1 and all that is wrong', async (command) => {
    const { env } = await startServer({
      maxmemory: '100mb',
      'maxmemory-policy': 'allkeys-lru',
      'cluster-enabled': 'yes',
    });
    const startedAt = performance.now();
    const { stdout, stderr, ...exit } = await programs.run([command], env);
    expect(exit).toEqual(FAILURE);
    expect(performance.now() - startedAt).toBeLessThan(AT_ONCE_MS);
    expect(stderr).toMatch(/^tasktrail: Redis cannot be used as it is:$/m);
    expect(stderr).toContain('mode: this Redis runs in cluster mode');
    expect(stderr).toContain('run CONFIG SET maxmemory-policy noeviction');
    expect(stderr).toContain('run CONFIG SET appendonly yes');
    expect(stdout).not.toContain('serving dashboards on');
  });

  test('ends it also when it comes only later', async () => {
    const { server, env } = await startServer({
      maxmemory: '100mb',
      'maxmemory-policy': 'volatile-ttl',
    });
    await server.kill();
    const program = programs.start(['projector'], env);
    await program.whenReadyz(503);
    await server.restart();
    expect(await program.exited).toEqual(FAILURE);
    expect(program.stderr).toContain('run CONFIG SET maxmemory-policy noeviction');
  });
});

test('rights that a process needs and has not are told at once, with the line that gives them', async () => {
  await redis
    .connect()
    .acl('SETUSER', 'low', 'on', '>secret', '~task-*', '+@all', '-xadd', '-zadd');
  const url = new URL(redis.url);
  url.username = 'low';
  url.password = 'secret';
  const env = dashboardEnvironment({ url: url.href }, google);
  const projector = await programs.run(['projector'], env);
  expect(projector).toMatchObject(FAILURE);
  expect(projector.stderr).toMatch(/run ACL SETUSER low (\+xadd \+zadd|\+zadd \+xadd), and add/);
  const serve = await programs.run(['serve'], env);
  expect(serve).toMatchObject(FAILURE);
  expect(serve.stderr).toContain('run ACL SETUSER low +xadd, and add');
  // A server that takes nothing needs less.
  const reading = programs.start(['serve'], { ...env, TASK_INTAKE_ENABLED: 'false' });
  await reading.whenReadyz(200);
});

test('persistence that is off is warned of with the remedy, and stands among the details of readiness', async () => {
  const program = programs.start(['all'], dashboardEnvironment(redis, google));
  await program.whenReadyz(200);
  const warnings = program.log.filter(({ requirement }) => requirement === 'persistence');
  expect(warnings).toEqual([
    expect.objectContaining({
      level: 'warn',
      msg: expect.stringContaining('run CONFIG SET appendonly yes'),
    }),
  ]);
  const { body } = await program.readiness();
  expect(body.checks).toMatchObject({
    requirements: { ready: true, findings: ['warning: persistence'] },
  });
});

describe('a read model of a later layout', () => {
  test.for(COMMANDS)('ends %s with exit code 1, untouched', async (command) => {
    const client = redis.connect();
    const hash = { layout: '2', program: '9.9.9', checkpoint: '5-0', epoch: 'e1' };
    await client.hset(KEYS.projector, hash);
    await client.xadd(KEYS.events, '6-0', 'executionId', 'run-1');
    const startedAt = performance.now();
    const finished = await programs.run([command], dashboardEnvironment(redis, google));
    expect(finished).toMatchObject(FAILURE);
    expect(performance.now() - startedAt).toBeLessThan(AT_ONCE_MS);
    expect(finished.stderr).toContain('layout 2');
    expect(finished.stderr).toContain('run version 9.9.9 or later of tasktrail');
    expect(await client.hgetall(KEYS.projector)).toEqual(hash);
    expect(await client.exists(KEYS.updates, KEYS.quarantine, KEYS.lease)).toBe(0);
  });

  test('ends a server and a standby that run when a later projector takes over', async () => {
    const client = redis.connect();
    const env = dashboardEnvironment(redis, google);
    await client.hset(KEYS.projector, { layout: '1', checkpoint: '5-0' });
    await client.set(KEYS.lease, 'a later program');
    const serve = await programs.start(['serve'], env).whenReadyz(200);
    const standby = programs.start(['projector'], env);
    await standby.whenWritten('projector is standby');
    await client.hset(KEYS.projector, { layout: '1>2', program: '9.9.9' });
    expect(await serve.exited).toEqual(FAILURE);
    expect(serve.stderr).toContain('run version 9.9.9 or later of tasktrail');
    // It applies nothing, and says so when it is its turn.
    expect(standby.isRunning).toBe(true);
    await client.del(KEYS.lease);
    expect(await standby.exited).toEqual(FAILURE);
    expect(await client.hget(KEYS.projector, 'layout')).toBe('1>2');
  });

  test('that is older is not served before a projector has migrated it', async () => {
    const client = redis.connect();
    await client.hset(KEYS.projector, { layout: '0', checkpoint: '5-0', epoch: 'e1' });
    const env = dashboardEnvironment(redis, google);
    const serve = await programs.start(['serve'], env).whenReadyz(503);
    await serve.whenWritten('start a projector of this version, which migrates it');
    const headers = { Authorization: `Bearer ${programs.signIn({ email: 'ana@example.com' })}` };
    const page = await fetch(`${await serve.url()}/dashboard/tasks`, { headers });
    expect(page.status).toBe(503);
    const projector = await programs.run(['projector'], env);
    expect(projector).toMatchObject(FAILURE);
    expect(projector.stderr).toMatch(/no way to layout 1: run the version that wrote it/);
    // As a projector that knows the way leaves it.
    await client.hset(KEYS.projector, 'layout', '1');
    await serve.whenReadyz(200);
    await eventually(async () =>
      expect((await fetch(`${await serve.url()}/dashboard/tasks`, { headers })).status).toBe(200),
    );
  });
});
