import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { KEYS } from '../../../src/redis/keys.ts';
import { anEntry, idOf } from '../../fixtures/events.ts';
import { useRedis } from '../../fixtures/redis.ts';
import { runPayload } from '../../intake/webhooks/payloads.ts';
import {
  append,
  eventsAfter,
  everything,
  idsInQuarantine,
  json,
  project,
  quarantine,
} from './commands.ts';

const server = useRedis();
let redis: Redis;

beforeEach(() => {
  redis = server.connect();
});

const run = (...argv: string[]) => quarantine(server.url, argv);

/** Parks a webhook as intake does whose mapping could not read it. */
async function park(name: string, payload: unknown, forge = 'github') {
  const parked = {
    webhook: forge,
    name,
    delivery: 'd-1',
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
    reason: 'unmapped_payload',
    field: 'workflow_run.status',
    detail: 'is not known',
    sourceId: '',
  };
  return idOf(String(await redis.xadd(KEYS.quarantine, '*', ...Object.entries(parked).flat())));
}

const EXECUTION = 'github-run-octo~app-4711';

test('a webhook that can be mapped now is replayed as its event, with its id as the source', async () => {
  const id = await park('workflow_run', runPayload());
  const dry = await run('replay', '--all');
  expect(dry.out[0]).toBe(`${id}  ${EXECUTION}  would be replayed: begins as in_progress`);
  await run('replay', '--all', '--yes');
  const [[, pairs] = ['', []]] = await eventsAfter(redis, idOf('0-0'));
  const texts = pairs.map(String);
  expect(texts.slice(-4)).toEqual(['producer', 'github', 'sourceId', id]);
  expect(texts.slice(0, 2)).toEqual(['executionId', EXECUTION]);
  expect(texts[texts.indexOf('eventId') + 1]).toBe('github:d-1');
  await project(redis, server.url);
  const row = await redis.hgetall(KEYS.execution(EXECUTION));
  expect(row).toMatchObject({ project: 'octo/app', status: 'in_progress' });
  expect(await idsInQuarantine(redis)).toEqual([]);
});

test('of the same delivery that came again meanwhile it changes nothing', async () => {
  await append(
    redis,
    ...anEntry({ executionId: EXECUTION, project: 'octo/app', eventId: 'github:d-1' }),
  );
  await project(redis, server.url);
  await park('workflow_run', runPayload());
  expect((await run('replay', '--all')).out[0]).toContain('its eventId was applied before');
});

test('a payload that names no pull request takes no link away', async () => {
  const prLinks = '["https://github.com/octo/app/pull/1"]';
  await append(redis, ...anEntry({ executionId: EXECUTION, project: 'octo/app', prLinks }));
  await project(redis, server.url);
  await park('workflow_run', runPayload());
  await run('replay', '--all', '--yes');
  await project(redis, server.url);
  expect(await redis.hget(KEYS.execution(EXECUTION), 'status')).toBe('in_progress');
  expect(await redis.hget(KEYS.execution(EXECUTION), 'prLinks')).toBe(prLinks);
});

test('--set mends the event that it is mapped to', async () => {
  await park('workflow_run', runPayload());
  await run('replay', '--all', '--yes', '--set', 'status=cancelled');
  await project(redis, server.url);
  expect(await redis.hget(KEYS.execution(EXECUTION), 'status')).toBe('cancelled');
});

describe('what is still no event stays:', () => {
  test.for<[what: string, name: string, payload: unknown, forge: string, why: string]>([
    ['no such form', 'workflow_run', { workflow_run: 1 }, 'github', '(unmapped_payload)'],
    ['no JSON', 'workflow_run', '{', 'github', 'the payload is not JSON'],
    ['a type that is not mapped', 'star', {}, 'github', 'nothing to replay: '],
    ['another forge', 'push', {}, 'gitlab', 'gitlab is no forge that is known'],
    [
      'a time that is too late',
      'workflow_run',
      runPayload({ updated_at: '9999-01-01T00:00:00Z', run_started_at: null }),
      'github',
      '(occurred_too_late)',
    ],
    [
      'a pull request',
      'pull_request',
      {
        action: 'opened',
        repository: { full_name: 'octo/app', html_url: 'https://github.com/octo/app' },
        sender: { login: 'ana' },
        number: 7,
        pull_request: {
          number: 7,
          html_url: 'https://github.com/octo/app/pull/7',
          head: { sha: 'a'.repeat(40) },
          created_at: '2026-11-20T12:00:00Z',
          updated_at: '2026-11-20T12:00:00Z',
        },
      },
      'github',
      'a pull request, which is no task',
    ],
  ])('%s', async ([, name, payload, forge, why]) => {
    await park(name, payload, forge);
    const before = await everything(redis);
    const { code, out } = await run('replay', '--all', '--yes');
    expect(code).toBe(0);
    expect(out[0]).toContain('stays: ');
    expect(out[0]).toContain(why);
    expect(await everything(redis)).toEqual(before);
  });
});

test('it is listed by its reason, its project and the execution that it is mapped to', async () => {
  const id = await park('workflow_run', runPayload());
  await park('workflow_run', { ...runPayload(), workflow_run: 1 });
  const found = async (...argv: string[]) =>
    json((await run('list', '--json', ...argv)).out).map((entry) => entry.executionId);
  expect(await found('--reason', 'unmapped_payload')).toEqual([null, EXECUTION]);
  expect(await found('--project', 'octo/app')).toEqual([null, EXECUTION]);
  expect(await found('--execution', EXECUTION)).toEqual([EXECUTION]);
  const { out } = await run('list', '--json', '--execution', EXECUTION);
  expect(json(out)).toMatchObject([{ id, kind: 'webhook', sourceId: null, origin: id }]);
});

test('show prints the payload, and what it is mapped to', async () => {
  const payload = runPayload();
  const id = await park('workflow_run', payload);
  const { out } = await run('show', id);
  expect(out).toContain(`    payload = ${JSON.stringify(payload)}`);
  expect(out.at(-1)).toBe('  replayed now: begins as in_progress');
});
