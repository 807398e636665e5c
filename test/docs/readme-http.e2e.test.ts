import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeEntry, parseStreamId } from '@tasktrail/contract';
import { beforeAll, expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { useGoogle } from '../fixtures/google.ts';
import { dashboardEnvironment, type Environment, usePrograms } from '../fixtures/program.ts';
import { useRedis } from '../fixtures/redis.ts';

/** What the README tells authors of bots and of organisations is run as written. */
const redis = useRedis();
const google = useGoogle();
const programs = usePrograms(google);

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const SECRET = 'a secret of webhooks';

/** The snippets of a section, in its order. */
function snippetsOf(heading: string, language: string): string[] {
  const section = readme.split(/^## /m).find((text) => text.startsWith(heading)) ?? '';
  return [...section.matchAll(/```(\w+)\n([\s\S]*?)```/g)]
    .filter(([, found]) => found === language)
    .map(([, , code = '']) => code);
}

let directory = '';
let variables: Environment = {};

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tasktrail-readme-'));
  const [keysCreate = ''] = snippetsOf('Emit from', 'sh');
  const made = await programs.shell(`${keysCreate.trim()} --json`);
  const { key, entry } = JSON.parse(made.stdout);
  const producers = join(directory, 'producers.json');
  await writeFile(producers, JSON.stringify({ producers: [entry] }));
  const server = programs.start(
    ['all'],
    dashboardEnvironment(redis, google, {
      TASK_INTAKE_PRODUCERS: producers,
      TASK_INTAKE_GITHUB_SECRETS: SECRET,
    }),
  );
  await server.whenReadyz(200);
  variables = {
    TASKTRAIL_URL: await server.url(),
    TASKTRAIL_KEY: key,
    TASK_INTAKE_GITHUB_SECRETS: SECRET,
  };
  return () => rm(directory, { recursive: true });
});

/** What is in the stream of one execution. */
async function eventsOf(executionId: string) {
  const entries = await redis.connect().xrange(KEYS.events, '-', '+');
  return entries
    .map(([id, pairs]) => decodeEntry(parseStreamId(id)!, pairs))
    .flatMap((decoded) => (decoded.kind === 'event' ? [decoded.event] : []))
    .filter((event) => event.executionId === executionId);
}

test('curl emits as the README says, and again without doubling', async () => {
  const [, curl = ''] = snippetsOf('Emit from', 'sh');
  const first = await programs.shell(curl, variables);
  expect(first).toMatchObject({ code: 0, stdout: expect.stringContaining('"id"') });
  expect((await programs.shell(curl, variables)).stdout).toBe(first.stdout);
  expect(await eventsOf('curl-1')).toMatchObject([{ status: 'in_progress' }]);
});

test('Python emits as the README says', async () => {
  const [python = ''] = snippetsOf('Emit from', 'python');
  const file = join(directory, 'emit.py');
  await writeFile(file, python);
  expect(await programs.shell(`python3 ${file}`, variables)).toMatchObject({ code: 0, stderr: '' });
  expect(await eventsOf('python-1')).toMatchObject([
    { status: 'in_progress', taskName: 'Nightly import' },
    { status: 'success', message: '1,204 orders' },
  ]);
});

test.skipIf(spawnSync('sh', ['-c', 'command -v go']).status !== 0)(
  'Go emits as the README says',
  { timeout: 120_000 },
  async () => {
    const [go = ''] = snippetsOf('Emit from', 'go');
    const file = join(directory, 'emit.go');
    await writeFile(file, go);
    const run = `GOCACHE=${directory}/cache GOTELEMETRY=off go run ${file}`;
    expect(await programs.shell(run, variables)).toMatchObject({ code: 0, stderr: '' });
    expect(await eventsOf('go-1')).toMatchObject([
      { status: 'queued' },
      { status: 'in_progress' },
      { status: 'success' },
    ]);
  },
);

test('a ping of one who connects an organisation is answered as the README says', async () => {
  const [, ping = ''] = snippetsOf('Connect your GitHub', 'sh');
  expect(await programs.shell(ping, variables)).toMatchObject({ code: 0, stdout: '204\n' });
});
