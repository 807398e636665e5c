import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { RedisAwayError } from '../../../src/cli/redis-session.ts';
import { KEYS } from '../../../src/redis/keys.ts';
import { useRedis } from '../../fixtures/redis.ts';
import { aRunEntry, projectEntries } from '../../repair/repairing.ts';
import { run } from './commands.ts';

const server = useRedis();
const ROW = KEYS.execution('run-1');
let redis: Redis;

beforeEach(async () => {
  redis = server.connect();
  await projectEntries(redis, server.url, [aRunEntry(), aRunEntry({ executionId: 'run-2' })]);
});

describe('tasktrail check', () => {
  test('says that nothing differs, and what it has looked at, with exit code 0', async () => {
    const { code, out, err } = await run(server.url, ['check']);
    expect([code, err]).toEqual([0, []]);
    expect(out).toEqual([
      expect.stringMatching(
        /^no difference; 2 executions \(\d+\/s\) and 2 events \(\d+\/s\) in 1 pass, \d\.\d s$/,
      ),
    ]);
  });

  test('tells each difference as a line, what it adds up to, and the remedy, with exit code 1', async () => {
    await redis.hset(ROW, 'status', 'error', 'message', 'a\u001b[31mb\nc');
    await redis.zrem(KEYS.executions.all(), 'run-2');
    await redis.zadd(KEYS.executions.byStatus('error'), 5, 'run-1');
    const { code, out, err } = await run(server.url, ['check']);
    expect([code, err]).toEqual([1, []]);
    const [summary, remedy] = out.slice(-2);
    expect(out.slice(0, -2).toSorted()).toEqual([
      'member_missing  run-2  is not in task-tracking:executions, should be with score 1795176000000',
      'member_stray  run-1  is in task-tracking:status:error:executions with score 5, should not be',
      `row_field  run-1  ${ROW} has message a\\x1b[31mb\\nc, should have first`,
      `row_field  run-1  ${ROW} has status error, should have queued`,
    ]);
    expect(summary).toMatch(
      /^4 differences \(2 row_field, 1 member_missing, 1 member_stray\); 2 exe/,
    );
    expect(remedy).toBe('tasktrail repair mends it');
    expect(await redis.exists(KEYS.repair)).toBe(0);
  });

  test('tells each as NDJSON, and the rest apart', async () => {
    await redis.hset(ROW, 'status', 'error');
    const { code, out, err } = await run(server.url, ['check', '--json']);
    expect(code).toBe(1);
    expect(out.map((line) => JSON.parse(line))).toEqual([
      {
        ...{ kind: 'row_field', key: ROW, executionId: 'run-1', field: 'status' },
        ...{ expected: 'queued', found: 'error' },
      },
    ]);
    expect(err[0]).toMatch(/^1 differences \(1 row_field\); /);
  });

  test('says what could not be judged, because events are gone', async () => {
    await redis.xtrim(KEYS.events, 'MAXLEN', 1);
    await redis.hset(ROW, 'taskName', 'Other');
    const { code, out } = await run(server.url, ['check']);
    expect(code).toBe(0);
    expect(out).toContainEqual(
      expect.stringMatching(/^2 rows were not judged by their content, since/),
    );
  });

  test.for<[string, string[]]>([
    ['an unknown option', ['check', '--yes']],
    ['no memory at all', ['check', '--memory', '0']],
    ['memory that is no number', ['repair', '--memory', 'much']],
    ['an argument', ['rebuild', 'run-1']],
  ])('ends with exit code 2 for %s', async ([, argv]) => {
    const { code, out } = await run(server.url, argv);
    expect([code, out]).toEqual([2, []]);
  });

  test.for(['check', 'repair', 'rebuild'])(
    'as %s refuses a read model of another layout',
    async (command) => {
      await redis.hset(KEYS.projector, 'layout', '9');
      await expect(run(server.url, [command])).rejects.toThrow(/layout 9.*run .*tasktrail/);
    },
  );

  test('says that Redis is away, and that nothing was left half done', async () => {
    await server.server.kill();
    for (const command of ['check', 'repair', 'rebuild']) {
      const running = run(server.url, [command, ...(command === 'check' ? [] : ['--yes'])]);
      await expect(running).rejects.toBeInstanceOf(RedisAwayError);
    }
  });
});
