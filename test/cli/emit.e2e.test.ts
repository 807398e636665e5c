import { expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { usePrograms } from '../fixtures/program.ts';
import { useRedis } from '../fixtures/redis.ts';

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
