import { INVALID_REASONS } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { KEYS } from '../../../src/redis/keys.ts';
import { anEntry } from '../../fixtures/events.ts';
import { useRedis } from '../../fixtures/redis.ts';
import { append, idsInQuarantine, json, project, quarantine } from './commands.ts';

const server = useRedis();
let redis: Redis;

beforeEach(() => {
  redis = server.connect();
});

const list = (...argv: string[]) => quarantine(server.url, ['list', ...argv]);

/** One entry of every reason that the projector has; run-0 is a task of owner/repo. */
async function quarantineEveryReason(): Promise<void> {
  await append(redis, ...anEntry({ executionId: 'run-0' }));
  await append(redis, ...anEntry({ executionId: 'run-1', status: undefined }));
  await append(redis, ...anEntry({ executionId: 'run-2', status: 'run\u001b[31mning' }));
  await append(redis, ...anEntry({ executionId: 'run-3' }), 'note', 'a'.repeat(70_000));
  await append(redis, ...anEntry({ executionId: 'run-4' }), 'message', Buffer.from([0xff]));
  await append(redis, ...anEntry({ executionId: 'run-5', occurredAt: '9999-01-01T00:00:00Z' }));
  await append(redis, ...anEntry({ executionId: 'run-0', project: 'a/b' }));
  const laterAttempt = {
    executionId: 'run-0',
    project: undefined,
    status: undefined,
    attempt: '2',
  };
  await append(redis, ...anEntry(laterAttempt));
  await project(redis, server.url);
}

describe('of every reason that there is, list', () => {
  beforeEach(quarantineEveryReason);

  test('prints a line, newest first, and counts them', async () => {
    const ids = await idsInQuarantine(redis);
    const { code, out, err } = await list();
    expect({ code, err }).toEqual({ code: 0, err: [] });
    expect(out.slice(0, -1).map((line) => line.split('  ')[0])).toEqual(ids.toReversed());
    for (const reason of INVALID_REASONS) {
      expect(out.slice(0, -1).join('\n')).toContain(`  ${reason}  `);
      expect(out.at(-1)).toContain(`1 ${reason}`);
    }
    expect(out.at(-1)).toMatch(/^7 in all: /);
    const line = out.find((text) => text.includes('missing_field'));
    expect(line).toMatch(
      /^\d+-\d {2}\d{4}-\S+Z {2}missing_field {2}status {2}run-1 {2}is required on/,
    );
  });

  test('shows no control character', async () => {
    await append(redis, 'executionId', '\u001b[2J\u0007\u202e\n\u0085x');
    await project(redis, server.url);
    const { out } = await list();
    expect(out[0]).toContain('\\x1b[2J\\x07\\u{202e}\\n\\x85x');
    expect(out.join('')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  test('as JSON is one object a line, without the counts', async () => {
    const { out, err } = await list('--json', '--reason', 'project_changed');
    expect(err).toEqual([]);
    const [id] = (await idsInQuarantine(redis)).slice(5);
    const [event] = (await redis.xrange(KEYS.events, '-', '+')).slice(6);
    expect(json(out)).toEqual([
      {
        id,
        at: new Date(Number.parseInt(id ?? '', 10)).toISOString(),
        kind: 'event',
        reason: 'project_changed',
        field: 'project',
        detail: 'must stay owner/repo',
        sourceId: event?.[0],
        origin: event?.[0],
        executionId: 'run-0',
        project: 'a/b',
      },
    ]);
  });

  test.for<[argv: string[], executions: string[]]>([
    [['--reason', 'not_utf8'], ['run-4']],
    [
      ['--reason', 'not_utf8', '--reason', 'missing_field'],
      ['run-4', 'run-1'],
    ],
    [['--field', 'occurredAt'], ['run-5']],
    [
      ['--field', ''],
      ['run-4', 'run-3'],
    ],
    [
      ['--execution', 'run-0'],
      ['run-0', 'run-0'],
    ],
    [['--execution', 'run-0', '--field', 'project'], ['run-0']],
    [['--project', 'a/b'], ['run-0']],
    [['--project', 'nobody/nothing'], []],
    [['--since', '1h', '--reason', 'not_utf8'], ['run-4']],
    [['--until', '1h'], []],
    [['--since', '2020-01-01T00:00:00Z', '--until', '2020-01-02T01:00:00+01:00'], []],
  ])('filters by %j', async ([argv, executions]) => {
    const { out } = await list('--json', ...argv);
    expect(json(out).map(({ executionId }) => executionId)).toEqual(executions);
  });

  test('takes the project of the task where an event does not say it again', async () => {
    const { out } = await list('--json', '--project', 'owner/repo', '--execution', 'run-0');
    expect(json(out)).toMatchObject([{ reason: 'status_required', project: 'owner/repo' }]);
  });

  test('begins at --since and ends before --until', async () => {
    const ids = await idsInQuarantine(redis);
    const { out } = await list('--json', '--since', `${ids[1]}`, '--until', `${ids[3]}`);
    expect(json(out).map(({ id }) => id)).toEqual([ids[2], ids[1]]);
  });

  test('counts what it does not list, and says where to go on', async () => {
    const ids = await idsInQuarantine(redis);
    const { out } = await list('--limit', '3');
    expect(out).toHaveLength(4);
    expect(out.at(-1)).toMatch(/^7 in all: .*; the newest 3 are listed, go on with --until/);
    const rest = await list('--json', '--until', `${ids[4]}`, '--limit', '3');
    expect(json(rest.out).map(({ id }) => id)).toEqual([ids[3], ids[2], ids[1]]);
    expect(rest.err).toEqual([`more match: see --limit, or go on with --until ${ids[1]}`]);
  });
});

test('an empty quarantine is no failure', async () => {
  expect(await list()).toEqual({ code: 0, out: ['no entry of the quarantine matches'], err: [] });
});

test('many pages are walked through, each entry once', async () => {
  const pipeline = redis.pipeline();
  for (let i = 0; i < 1203; i += 1) {
    const tail = ['reason', 'missing_field', 'field', '', 'detail', '', 'sourceId', `${i + 1}-0`];
    pipeline.xadd(KEYS.quarantine, `${i + 1}-0`, 'executionId', `run-${i}`, ...tail);
  }
  await pipeline.exec();
  const { out } = await list('--json', '--limit', '2000');
  const numbers = Array.from({ length: 1203 }, (_, i) => `run-${1202 - i}`);
  expect(json(out).map(({ executionId }) => executionId)).toEqual(numbers);
  expect((await list('--limit', '1')).out.at(-1)).toMatch(/^1203 in all: 1203 missing_field;/);
});

test('of an entry of megabytes it reads what is short', async () => {
  await append(redis, ...anEntry({ executionId: 'run-1' }), 'note', 'a'.repeat(3_000_000));
  await project(redis, server.url);
  const { out } = await list('--json');
  expect(json(out)).toMatchObject([{ reason: 'entry_too_large', executionId: 'run-1' }]);
});

test('an entry of more than 3,500 pairs is found by its execution', async () => {
  const many = Array.from({ length: 4000 }, (_, i) => [`f${i}`, 'x']).flat();
  await append(redis, ...many, ...anEntry({ executionId: 'run-1', status: '' }));
  await project(redis, server.url);
  expect((await list('--json', '--execution', 'run-1')).out).toHaveLength(1);
});

test('what nothing of Tasktrail wrote is listed as that', async () => {
  await redis.xadd(KEYS.quarantine, '*', 'hello', 'world');
  const { out } = await list();
  expect(out[0]).toMatch(/ {2}- {2}- {2}-$/);
  expect(out[1]).toBe('1 in all: 1 that nothing of Tasktrail wrote');
});

describe('a wrong call exits with 2:', () => {
  test('an unknown reason, and the known ones are listed', async () => {
    const { code, err } = await list('--reason', 'bad_luck');
    expect(code).toBe(2);
    for (const reason of [...INVALID_REASONS, 'unmapped_payload']) {
      expect(err.join()).toContain(reason);
    }
  });

  test.for([
    ['--since', 'yesterday'],
    ['--since', '2026-11-20T12:00:00'],
    ['--until', '2w'],
    ['--limit', '0'],
  ])('%j', async (argv) => {
    expect(await list(...argv)).toMatchObject({ code: 2, out: [] });
  });
});

describe('while Redis is away', () => {
  test('it says where it looked, without the password, and the remedy', async () => {
    const away = quarantine('redis://bot:secret@127.0.0.1:1', ['list']);
    await expect(away).rejects.toThrow(
      /^redis:\/\/127\.0\.0\.1:1 does not answer \(connect ECONNREFUSED.*\)\. Start Redis, or correct TASK_TRACKING_REDIS_URL/,
    );
  });
});
