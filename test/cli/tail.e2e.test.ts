import { expect, test } from 'vitest';
import { usePrograms } from '../fixtures/program.ts';
import { useRedis } from '../fixtures/redis.ts';

const redis = useRedis();
const programs = usePrograms();

const CLEAN = { code: 0, signal: null };

test('tail prints what happens, and ends cleanly when told to or when nobody reads on', async () => {
  const env = { TASK_TRACKING_REDIS_URL: redis.url };
  programs.start(['projector'], env);
  const emit = (executionId: string) =>
    programs.run(
      ['emit', '--execution-id', executionId, '--project', 'acme/api', '--status', 'queued'],
      env,
    );
  await emit('run-1');
  const tail = programs.start(['tail', '--since', '0-0'], env);
  await tail.whenWritten('run-1');
  expect(JSON.parse(tail.stdout)).toMatchObject({ item: { executionId: 'run-1' }, previous: null });
  expect(await tail.terminate()).toEqual(CLEAN);

  const line = '{ bin/tasktrail tail --since 0-0; echo "tail ended with $?" >&2; } | head -1';
  const pipe = programs.shell(line, env);
  let isOver = false;
  void pipe.finally(() => {
    isOver = true;
  });
  // It learns that nobody reads on from the next line that it writes.
  for (let n = 2; !isOver; n += 1) await emit(`run-${n}`);
  const { stdout, stderr } = await pipe;
  expect(stdout.match(/\n/g)).toHaveLength(1);
  expect(JSON.parse(stdout)).toMatchObject({ item: { executionId: 'run-1' } });
  expect(stderr).toBe('tail ended with 0\n');
});

test('tail says that Redis is away, waits for it, and can be stopped meanwhile', async () => {
  await redis.server.kill();
  const env = { TASK_TRACKING_REDIS_URL: redis.url };
  const [waiting, stopped] = [1, 2].map(() => programs.start(['tail', '--limit', '1'], env));
  await waiting!.whenWritten(/^tail: .*; trying again$/m);
  await stopped!.whenWritten('trying again');
  expect(await stopped!.terminate()).toEqual(CLEAN);

  await redis.server.restart();
  programs.start(['projector'], env);
  let isOver = false;
  void waiting!.exited.then(() => {
    isOver = true;
  });
  const flags = ['--execution-id', 'run-1', '--project', 'acme/api', '--status', 'queued'];
  while (!isOver) await programs.run(['emit', ...flags], env);
  expect(await waiting!.exited).toEqual(CLEAN);
  expect(JSON.parse(waiting!.stdout)).toMatchObject({ item: { executionId: 'run-1' } });
});
