import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { useRedis } from '../../fixtures/redis.ts';
import { type EmitGiven, emit, eventLine, eventLines, events } from './emitting.ts';

const redis = useRedis();

const run = (given: EmitGiven) => emit(redis, given);
const executions = async () => (await events(redis)).map(({ executionId }) => executionId);

describe('while Redis is away', () => {
  const hidden = { redis: { url: 'redis://bot:secret@127.0.0.1:1' }, giveUpMs: 300 };

  test('it gives up after its deadline, naming the address without password, and a remedy', async () => {
    const { code, out, err } = await run({ flags: { executionId: 'run-1' }, ...hidden });
    expect({ code, out }).toEqual({ code: 1, out: [] });
    expect(err[0]).toMatch(/^redis:\/\/127.0.0.1:1 cannot append now \(connect ECONNREFUSED/);
    expect(err[1]).toMatch(
      /^gave up: redis:\/\/127.0.0.1:1 confirmed nothing for 300 ms \(connect ECONNREFUSED .*\)\. The event was not confirmed\. Start Redis, or correct TASK_TRACKING_REDIS_URL/,
    );
    expect(err).toHaveLength(2);
    expect(err.join()).not.toContain('secret');
  });

  test('it says how far it came, though standard input stays open', async () => {
    const source = async function* () {
      yield eventLine('run-1');
      yield 'nonsense';
      yield eventLine('run-2');
      await once(new EventTarget(), 'never');
    };
    const { code, err } = await run({ lines: source(), ...hidden });
    expect(code).toBe(1);
    expect(err).toContain('line 2: is no JSON object');
    expect(err.at(-1)).toContain('No line is done (0 appended, 0 already there, 1 refused).');
  });

  test('and answers nothing, it gives up as well', async () => {
    await redis.server.pause();
    const { code, err } = await run({ lines: eventLines(1), giveUpMs: 300 });
    expect({ code, err }).toEqual({
      code: 1,
      err: [expect.stringContaining('confirmed nothing for 300 ms (no answer)')],
    });
    // Sooner than the connection would notice.
  }, 3000);

  test('a signal ends it at once', async () => {
    const stop = new AbortController();
    const err: string[] = [];
    const writeError = (line: string) => {
      err.push(line);
      stop.abort();
    };
    const given = { ...hidden, giveUpMs: 60_000, writeError, signal: stop.signal };
    const { code } = await run({ files: { 'a.ndjson': eventLine('run-1') }, ...given });
    expect(code).toBe(1);
    expect(err).toEqual([
      expect.stringContaining('cannot append now'),
      'stopped before the first line; run the same again to go on',
    ]);
  });

  test('for a moment only, it appends when Redis is back', async () => {
    await redis.server.kill();
    const emitting = run({ lines: [eventLine('run-1')] });
    await redis.server.restart();
    expect(await emitting).toMatchObject({ code: 0, out: [expect.stringContaining('"line":1')] });
  });

  test('an open standard input with nothing to append is no reason to give up', async () => {
    const source = async function* () {
      yield eventLine('run-1');
      // Longer than it would wait for Redis.
      await once(AbortSignal.timeout(2000), 'abort');
      yield eventLine('run-2');
    };
    const { code } = await run({ lines: source(), giveUpMs: 1500 });
    expect(code).toBe(0);
    expect(await executions()).toEqual(['run-1', 'run-2']);
  });
});
