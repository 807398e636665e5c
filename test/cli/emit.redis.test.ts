import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { type EmitIo, runEmit } from '../../src/cli/emit.ts';
import type { EmitFlags } from '../../src/cli/emit-events.ts';
import { useRedis } from '../fixtures/redis.ts';

const redis = useRedis();

interface Outcome {
  readonly code: number;
  readonly out: readonly string[];
  readonly err: readonly string[];
}

async function emit(
  flags: EmitFlags,
  lines: Iterable<string> | AsyncIterable<string> = [],
  io: Partial<EmitIo> = {},
): Promise<Outcome> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runEmit(flags, {
    redisUrl: redis.url,
    lines: iterate(lines),
    write: (line) => out.push(line),
    writeError: (line) => err.push(line),
    ...io,
  });
  return { code, out, err };
}

async function* iterate(lines: Iterable<string> | AsyncIterable<string>) {
  yield* lines;
}

/** `field=value` texts of every entry. */
async function entries(): Promise<string[][]> {
  const all = await redis.connect().xrange('task-events:v1', '-', '+');
  return all.map(([, pairs]) =>
    pairs.flatMap((text, index) => (index % 2 === 0 ? [`${text}=${pairs[index + 1]}`] : [])),
  );
}

function line(executionId: string, fields: object = {}): string {
  return JSON.stringify({ executionId, project: 'acme/app', status: 'queued', ...fields });
}

describe('an event from flags', () => {
  test('is appended, and its id printed', async () => {
    const { code, out, err } = await emit({
      executionId: 'run-1',
      project: 'acme/app',
      status: 'queued',
      actor: 'slack:U1',
    });
    expect({ code, err }).toEqual({ code: 0, err: [] });
    expect(out).toEqual([expect.stringMatching(/^\d+-\d+$/)]);
    const [entry] = await entries();
    expect(entry).toContain('executionId=run-1');
    expect(entry).toContain('actor={"provider":"slack","id":"U1"}');
  });

  test('that is not valid is wrong usage: it names the field, and nothing is appended', async () => {
    const { code, out, err } = await emit({ status: 'queued' });
    expect({ code, out, err }).toEqual({ code: 2, out: [], err: ['executionId: is required'] });
    expect(await entries()).toEqual([]);
  });

  test('leaves standard input alone', async () => {
    const { code } = await emit({ executionId: 'run-1' }, [line('run-2')]);
    expect(code).toBe(0);
    expect(await entries()).toHaveLength(1);
  });
});

describe('events on lines', () => {
  test('are appended, each with its id and line; blank lines are skipped', async () => {
    const { code, out, err } = await emit({}, [line('run-1'), '', '  ', line('run-2')]);
    expect({ code, err }).toEqual({ code: 0, err: [] });
    const printed = out.map((text) => JSON.parse(text));
    expect(printed).toEqual([
      { line: 1, id: expect.stringMatching(/^\d+-\d+$/) },
      { line: 4, id: expect.stringMatching(/^\d+-\d+$/) },
    ]);
    expect((await redis.connect().xrange('task-events:v1', '-', '+')).map(([id]) => id)).toEqual(
      printed.map(({ id }) => id),
    );
  });

  test('that are not valid are reported by line, field and reason; the others still go', async () => {
    const { code, out, err } = await emit({}, [
      line('run-1'),
      'nonsense',
      line('run 2'),
      line('run-3', { status: 'done' }),
      line('run-4'),
    ]);
    expect(code).toBe(1);
    expect(out.map((text) => JSON.parse(text).line)).toEqual([1, 5]);
    expect(err).toEqual(
      expect.arrayContaining([
        'line 2: is no JSON object',
        expect.stringMatching(/^line 3: executionId: must be 1 to 200 printable/),
        expect.stringMatching(/^line 4: status: /),
      ]),
    );
    expect(err).toHaveLength(3);
  });

  test('that Redis refuses are reported by line', async () => {
    await redis.connect().set('task-events:v1', 'taken');
    const { code, err } = await emit({}, [line('run-1')]);
    expect(code).toBe(1);
    expect(err).toEqual([expect.stringMatching(/^line 1: Redis refused .* WRONGTYPE/)]);
  });

  test('are read only as fast as Redis takes them', async () => {
    let read = 0;
    const source = function* () {
      for (; read < 5000; read += 1) yield line(`run-${read}`);
    };
    await redis.server.pause();
    const emitting = emit({}, source());
    await expect.poll(() => read).toBeGreaterThanOrEqual(1000);
    // A turn of the event loop in which more could be read, if it were.
    await new Promise((resolve) => setImmediate(resolve));
    expect(read).toBeLessThan(1010);
    await redis.server.resume();
    const { code, out } = await emitting;
    expect({ code, printed: out.length }).toEqual({ code: 0, printed: 5000 });
    expect(await redis.connect().xlen('task-events:v1')).toBe(5000);
  });

  test('end on a signal, even while standard input stays open', async () => {
    const stop = new AbortController();
    const source = async function* () {
      yield line('run-1');
      await once(new EventTarget(), 'never');
    };
    const write = () => stop.abort();
    const { code, err } = await emit({}, source(), { signal: stop.signal, write });
    expect({ code, err }).toEqual({ code: 0, err: [] });
    expect(await entries()).toHaveLength(1);
  });

  test('that can no longer be read: those before are appended, and it is told', async () => {
    const source = async function* () {
      yield line('run-1');
      throw new Error('EIO');
    };
    await expect(emit({}, source())).rejects.toThrow('EIO');
    expect(await entries()).toHaveLength(1);
  });
});

describe('while Redis is away', () => {
  const hidden = { redisUrl: 'redis://bot:secret@127.0.0.1:1', giveUpMs: 300 };

  test('it gives up after its deadline, naming the address without password, and a remedy', async () => {
    const { code, out, err } = await emit({ executionId: 'run-1' }, [], hidden);
    expect({ code, out }).toEqual({ code: 1, out: [] });
    expect(err[0]).toMatch(/^redis:\/\/127.0.0.1:1 cannot append now \(connect ECONNREFUSED/);
    expect(err[1]).toMatch(
      /^gave up: redis:\/\/127.0.0.1:1 confirmed nothing for 300 ms \(connect ECONNREFUSED .*\)\. 1 event\(s\) were not appended\. Start Redis, or correct TASK_TRACKING_REDIS_URL/,
    );
    expect(err).toHaveLength(2);
    expect(err.join()).not.toContain('secret');
  });

  test('it says how many lines are left, though standard input stays open', async () => {
    const source = async function* () {
      yield line('run-1');
      yield 'nonsense';
      yield line('run-2');
      await once(new EventTarget(), 'never');
    };
    const { code, err } = await emit({}, source(), hidden);
    expect(code).toBe(1);
    expect(err).toContain('line 2: is no JSON object');
    expect(err.at(-1)).toContain('2 event(s) were not appended; lines after 3 were not read.');
  });

  test('it does not speak of further lines when all were read', async () => {
    const { err } = await emit({}, [line('run-1')], hidden);
    expect(err.at(-1)).toContain('1 event(s) were not appended. Start Redis');
  });

  test('for a moment only, it appends when Redis is back', async () => {
    await redis.server.kill();
    const emitting = emit({}, [line('run-1')]);
    await redis.server.restart();
    expect(await emitting).toMatchObject({ code: 0, out: [expect.stringContaining('"line":1')] });
  });

  test('an open standard input with nothing to append is no reason to give up', async () => {
    const stop = new AbortController();
    const source = async function* () {
      yield line('run-1');
      // Longer than it would wait for Redis.
      await once(AbortSignal.timeout(250), 'abort');
      yield line('run-2');
    };
    const { code } = await emit({}, source(), { giveUpMs: 100, signal: stop.signal });
    expect(code).toBe(0);
    expect(await entries()).toHaveLength(2);
  });
});
