import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { KEYS } from '../../../src/redis/keys.ts';
import { usePrograms } from '../../fixtures/program.ts';
import { useRedis } from '../../fixtures/redis.ts';
import { eventLines, messages } from './emitting.ts';

const redis = useRedis();
const programs = usePrograms();

const environment = () => ({ TASK_TRACKING_REDIS_URL: redis.url });

test('emit says what is missing although its input stays open', async () => {
  const program = programs.start(['emit', '--execution-id', 'run-1'], {});
  expect(await program.exited).toEqual({ code: 2, signal: null });
  expect(program.stderr).toContain('TASK_TRACKING_REDIS_URL is required');
});

test('emit with flags leaves its input alone, which may be that of a loop', async () => {
  const flags = '--project acme/api --status queued';
  const loop = `while read n; do bin/tasktrail emit --execution-id run-$n ${flags}; done`;
  const line = `printf '1\\n2\\n3\\n' | ${loop}`;
  expect(await programs.shell(line, environment())).toMatchObject({ code: 0, stderr: '' });
  expect(await redis.connect().xlen(KEYS.events)).toBe(3);
});

test('emit appends everything although nobody reads what it confirms', async () => {
  const lines = Array.from({ length: 3000 }, (_, n) =>
    JSON.stringify({ executionId: `run-${n % 500}`, project: 'acme/api', status: 'queued' }),
  );
  const program = programs.start(['emit'], environment());
  program.stopReading();
  program.write(`${lines.join('\n')}\n`);
  program.endInput();
  expect(await program.exited).toEqual({ code: 0, signal: null });
  expect(await redis.connect().xlen(KEYS.events)).toBe(3000);
});

test('emit takes files, and running it again appends nothing twice', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'emit-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const path = join(directory, 'events.ndjson');
  await writeFile(path, eventLines(700).join('\n'));
  const first = await programs.run(['emit', path], environment());
  expect(first).toMatchObject({ code: 0, stderr: '' });
  const again = await programs.run(['emit', path, '--quiet'], environment());
  expect(again).toMatchObject({
    code: 0,
    stdout: '',
    stderr: '0 appended, 700 already there, 0 refused\n',
  });
  expect(await messages(redis)).toEqual(Array.from({ length: 700 }, (_, n) => `${n}`));
  expect(first.stdout.trim().split('\n')).toHaveLength(700);
});

test('emit of a file that is not there is wrong usage', async () => {
  const { code, stdout, stderr } = await programs.run(['emit', 'missing.ndjson'], environment());
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/^cannot read missing\.ndjson: ENOENT/);
});

test('emit ends on SIGTERM although its input stays open, and says where', async () => {
  const program = programs.start(['emit'], environment());
  program.write(`${eventLines(3).join('\n')}\n`);
  await program.whenWritten('"line":3');
  expect(await program.terminate()).toEqual({ code: 0, signal: null });
  expect(program.stderr).toBe('stopped after line 3, the last one that was read\n');
});
