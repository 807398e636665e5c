import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import {
  addIdentitiesCheckOptions,
  type IdentitySettings,
  runIdentitiesCheck,
} from '../../src/cli/identities-check.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { SettingsFileError } from '../../src/runtime/settings-file.ts';
import { anEntry } from '../fixtures/events.ts';
import { useRedis } from '../fixtures/redis.ts';
import { append, everything, json, project } from './quarantine/commands.ts';

const server = useRedis();
let redis: Redis;

beforeEach(() => {
  redis = server.connect();
});

async function check(argv: readonly string[] = [], settings: Partial<IdentitySettings> = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const command = addIdentitiesCheckOptions(new Command('check')).exitOverride();
  const code = await runIdentitiesCheck(
    command.parse(argv, { from: 'user' }).opts(),
    { identitiesPath: undefined, allowedDomains: [], allowedEmails: [], ...settings },
    {
      redis: { url: server.urlOf('operator') },
      keys: KEYS,
      write: (line) => out.push(line),
      writeError: (line) => err.push(line),
    },
  );
  return { code, out, err };
}

async function identitiesFile(text: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'identities-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const path = join(directory, 'identities.json');
  await writeFile(path, text);
  return path;
}

async function createTask(
  executionId: string,
  actor: object | undefined,
  second = 0,
): Promise<void> {
  const occurredAt = `2026-11-20T12:00:0${second}.000Z`;
  const fields = { executionId, occurredAt, actor: actor && JSON.stringify(actor) };
  await append(redis, ...anEntry(fields));
}

describe('creators that no viewer can be', () => {
  beforeEach(async () => {
    await createTask('run-1', { provider: 'slack', id: 'U1', displayName: 'Bo' }, 1);
    await createTask('run-2', { provider: 'slack', id: 'U1' }, 3);
    await createTask('run-3', { provider: 'slack', id: 'U1' }, 2);
    await createTask('run-4', { provider: 'github', id: 'ana' });
    await createTask('run-5', { provider: 'google', id: 'Ana@Example.com' });
    await createTask('run-6', undefined);
    await project(redis, server.url);
  });

  test('are told with their tasks, the latest of them, and the line that mends it', async () => {
    const before = await everything(redis);
    const { code, out, err } = await check();
    expect({ code, err }).toEqual({ code: 1, err: [] });
    expect(out).toEqual([
      'slack:U1 (Bo)  3 task(s), the last run-2, 2026-11-20T12:00:03.000Z',
      '  add to the identities file, with the address of this person: "google:<e-mail>": ["slack:U1"]',
      'github:ana  1 task(s), the last run-4, 2026-11-20T12:00:00.000Z',
      '  add to the identities file, with the address of this person: "google:<e-mail>": ["github:ana"]',
      '2 of 3 creators can be no viewer',
      '1 tasks name no creator, which is no fault',
    ]);
    expect(await everything(redis)).toEqual(before);
  });

  test('as JSON are one object a line', async () => {
    const path = await identitiesFile('{"google:eve@other.org":["slack:U1"]}');
    const settings = { identitiesPath: path, allowedDomains: ['example.com'] };
    const { code, out, err } = await check(['--json'], settings);
    expect(code).toBe(1);
    expect(json(out)).toEqual([
      {
        principal: 'slack:U1',
        displayName: 'Bo',
        tasks: 3,
        lastExecutionId: 'run-2',
        lastOccurredAt: '2026-11-20T12:00:03.000Z',
        problem: 'kept_out',
        holders: ['google:eve@other.org'],
        remedy: expect.stringContaining('"google:<e-mail>": ["slack:U1"]'),
      },
      expect.objectContaining({ principal: 'github:ana', problem: 'no_alias', holders: [] }),
    ]);
    expect(err[0]).toBe('2 of 3 creators can be no viewer');
  });

  test('of whom there are none give exit code 0', async () => {
    const path = await identitiesFile('{"google:ana@example.com":["slack:U1","github:ana"]}');
    const { code, out } = await check([], { identitiesPath: path });
    expect({ code, first: out[0] }).toEqual({ code: 0, first: '0 of 3 creators can be no viewer' });
  });
});

test('every task is looked at, however many', async () => {
  const pipeline = redis.pipeline();
  for (let i = 0; i < 3000; i += 1) {
    const actor = JSON.stringify({ provider: 'slack', id: `U${i % 7}` });
    pipeline.zadd(KEYS.executions.all(), i, `run-${i}`);
    pipeline.hset(KEYS.execution(`run-${i}`), 'actor', actor);
  }
  await pipeline.exec();
  const lines = json((await check(['--json'])).out);
  expect(lines).toHaveLength(7);
  expect(lines.reduce((sum, { tasks }) => sum + tasks, 0)).toBe(3000);
  const last = lines.map(({ lastExecutionId }) => lastExecutionId).sort();
  expect(last).toEqual([2993, 2994, 2995, 2996, 2997, 2998, 2999].map((n) => `run-${n}`));
});

test('a damaged row stops nothing', async () => {
  await redis.zadd(KEYS.executions.all(), 1, 'run-1', 2, 'run-2');
  await redis.hset(KEYS.execution('run-1'), 'actor', '{');
  expect(await check()).toMatchObject({ code: 0 });
});

test.for(['{', '{"slack:U1":[]}'])('a wrong identities file is an error: %s', async (text) => {
  const path = await identitiesFile(text);
  await expect(check([], { identitiesPath: path })).rejects.toThrow(SettingsFileError);
});

test('a missing identities file is an error', async () => {
  await expect(check([], { identitiesPath: '/nowhere.json' })).rejects.toThrow(SettingsFileError);
});
