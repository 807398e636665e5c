import { TaskPageSchema } from '@tasktrail/contract';
import { expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { type Program, usePrograms } from '../fixtures/program.ts';
import { useRedis } from '../fixtures/redis.ts';

const redis = useRedis();
const programs = usePrograms();

const EQUAL = 'snapshot and stream equals the fold of the events.';

test('its printed lines work as printed, and when told to stop it ends with its verdict', async () => {
  const demo = programs.start(['demo'], {});
  const [snapshot, stream, post, emit] = await linesToTry(demo);
  const page = await programs.shell(snapshot);
  expect(page.code).toBe(0);
  expect(TaskPageSchema.parse(JSON.parse(page.stdout)).items).toHaveLength(3);

  const watching = programs.startShell(stream);
  await watching.whenWritten('event: keepalive');
  expect(await programs.shell(emit)).toMatchObject({ code: 0, stderr: '' });
  await watching.whenWritten(/event: task_status_updated\ndata: {"executionId":"mine-1"/);
  await demo.whenWritten('me/mine');
  expect((await programs.shell(post)).stdout).toContain('"id"');
  await watching.whenWritten(/event: task_status_updated\ndata: {"executionId":"mine-2"/);

  const api = /OpenAPI: (\S+)\)/.exec(demo.stdout)?.[1] ?? '';
  expect(await (await fetch(api)).json()).toHaveProperty('openapi');
  const metrics = /Metrics +(\S+)/.exec(demo.stdout)?.[1] ?? '';
  expect(await (await fetch(metrics)).text()).toContain('tasktrail_projector_events_total');

  demo.signal('SIGINT');
  expect(await demo.exited).toEqual({ code: 0, signal: null });
  expect(demo.stderr).toBe('');
  // Its own Redis is set up as every other should be.
  expect(demo.log.filter(({ requirement }) => requirement !== undefined)).toEqual([]);
  expect(demo.stdout).toContain(EQUAL);
  expect(await watching.exited).toMatchObject({ signal: null });
});

test('it uses an empty Redis that is configured, and refuses one that holds events', async () => {
  const env = { TASK_TRACKING_REDIS_URL: redis.url };
  const demo = programs.start(['demo', '--duration', '1'], env);
  expect(await demo.exited).toEqual({ code: 0, signal: null });
  expect(demo.stdout).toContain(`Redis          ${redis.url}\n`);
  expect(demo.stdout).toContain(EQUAL);

  const held = await redis.connect().xlen(KEYS.events);
  const refused = await programs.run(['demo', '--duration', '1'], env);
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toMatch(/^tasktrail: .*TASK_TRACKING_REDIS_URL already holds task events/);
  expect(await redis.connect().xlen(KEYS.events)).toBe(held);
});

test('it says when the configured Redis cannot be reached', async () => {
  await redis.server.kill();
  const env = { TASK_TRACKING_REDIS_URL: redis.url };
  const refused = await programs.run(['demo', '--duration', '1'], env);
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toMatch(/^tasktrail: .*correct TASK_TRACKING_REDIS_URL\n$/);
});

/** The three lines of shell that it prints to try. */
async function linesToTry(demo: Program): Promise<[string, string, string, string]> {
  await demo.whenWritten(/bin\/tasktrail emit .*\n/);
  const lines = demo.stdout.split('\n').filter((line) => /^ {2}(curl|TASK_)/.test(line));
  expect(lines).toHaveLength(4);
  return lines as [string, string, string, string];
}
