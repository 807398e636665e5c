import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { eventIdOfLine } from '../../../src/cli/emit/entry.ts';
import type { EmitFlags } from '../../../src/cli/emit/events.ts';
import { KEYS } from '../../../src/redis/keys.ts';
import { eventually } from '../../fixtures/facts.ts';
import { useRedis } from '../../fixtures/redis.ts';
import { type EmitGiven, emit, eventLine, eventLines, events, noFile } from './emitting.ts';

const redis = useRedis();

const ID = expect.stringMatching(/^\d+-\d+$/);
const run = (given: EmitGiven) => emit(redis, given);
const runFlags = (flags: EmitFlags, given: EmitGiven = {}) => emit(redis, { flags, ...given });
const executions = async () => (await events(redis)).map(({ executionId }) => executionId);

describe('an event from flags', () => {
  test('is appended, and its id printed', async () => {
    const { code, out, err } = await runFlags({
      executionId: 'run-1',
      project: 'acme/app',
      status: 'queued',
      actor: 'slack:U1',
    });
    expect({ code, out, err }).toEqual({ code: 0, out: [ID], err: [] });
    expect(await events(redis)).toMatchObject([
      { executionId: 'run-1', actor: '{"provider":"slack","id":"U1"}' },
    ]);
  });

  test('that is not valid is wrong usage: it names the field, and nothing is appended', async () => {
    const { code, out, err } = await runFlags({ status: 'queued' });
    expect({ code, out, err }).toEqual({ code: 2, out: [], err: ['executionId: is required'] });
    expect(await events(redis)).toEqual([]);
  });

  test('leaves standard input alone', async () => {
    const { code } = await runFlags({ executionId: 'run-1' }, { lines: [eventLine('run-2')] });
    expect(code).toBe(0);
    expect(await executions()).toEqual(['run-1']);
  });

  test('is another one each time, but with an id of its own one event', async () => {
    const ids = [];
    for (const eventId of [undefined, undefined, 'mine', 'mine']) {
      const flags = { executionId: 'run-1', ...(eventId === undefined ? {} : { eventId }) };
      ids.push((await runFlags(flags)).out[0]);
    }
    expect(new Set(ids).size).toBe(3);
    expect(ids[2]).toBe(ids[3]);
    expect(await events(redis)).toHaveLength(3);
  });

  test('and quiet prints nothing', async () => {
    const result = await runFlags({ executionId: 'run-1', quiet: true });
    expect(result).toEqual({ code: 0, out: [], err: [] });
  });
});

describe('events on lines', () => {
  test('are appended, each with its id and line; blank lines are skipped', async () => {
    const lines = [eventLine('run-1'), '', '  ', eventLine('run-2')];
    const { code, out, err } = await run({ lines });
    expect({ code, err }).toEqual({ code: 0, err: [] });
    const printed = out.map((text) => JSON.parse(text));
    expect(printed).toEqual([
      { line: 1, id: ID },
      { line: 4, id: ID },
    ]);
    const entries = await redis.connect().xrange(KEYS.events, '-', '+');
    expect(entries.map(([id]) => id)).toEqual(printed.map(({ id }) => id));
  });

  test('that are not valid are reported by line, field and reason; the others still go', async () => {
    const { code, out, err } = await run({
      lines: [
        eventLine('run-1'),
        'nonsense',
        eventLine('run 2'),
        eventLine('run-3', { status: 'done' }),
        'x'.repeat(2 * 1024 * 1024),
        eventLine('run-4'),
      ],
    });
    expect(code).toBe(1);
    expect(out.map((text) => JSON.parse(text).line)).toEqual([1, 6]);
    expect(err).toEqual([
      'line 2: is no JSON object',
      expect.stringMatching(/^line 3: executionId: must be 1 to 200 printable/),
      expect.stringMatching(/^line 4: status: /),
      'line 5: is longer than 1 MiB',
    ]);
  });

  test('go over one connection, however many there are', async () => {
    const opened = async () => {
      const info = await redis.connect().info('stats');
      return Number(/total_connections_received:(\d+)/.exec(info)?.[1]);
    };
    const before = await opened();
    await run({ lines: eventLines(2000) });
    // With the one that asks.
    expect((await opened()) - before).toBe(2);
  });

  test('that Redis refuses end it, with what is wrong', async () => {
    await redis.connect().set(KEYS.events, 'taken');
    const { code, out, err } = await run({ lines: [eventLine('run-1')] });
    expect({ code, out }).toEqual({ code: 1, out: [] });
    expect(err).toEqual([
      expect.stringMatching(/^Redis refused to append: WRONGTYPE .*right Redis\?/),
    ]);
  });

  test('are read only as fast as Redis takes them', async () => {
    let read = 0;
    const source = function* () {
      for (; read < 5000; read += 1) yield eventLine(`run-${read}`);
    };
    await redis.server.pause();
    const emitting = run({ lines: source() });
    // One batch on its way, one that is full, and the line that is left over.
    await expect.poll(() => read).toBeGreaterThanOrEqual(501);
    await new Promise((resolve) => setImmediate(resolve));
    expect(read).toBeLessThanOrEqual(1002);
    await redis.server.resume();
    const { code, out } = await emitting;
    expect({ code, printed: out.length }).toEqual({ code: 0, printed: 5000 });
    expect(await redis.connect().xlen(KEYS.events)).toBe(5000);
  });

  test('are appended when they come, though the input stays open', async () => {
    const stop = new AbortController();
    const more = Promise.withResolvers<void>();
    const source = async function* () {
      yield eventLine('run-1');
      await more.promise;
      yield eventLine('run-2');
      await once(new EventTarget(), 'never');
    };
    const emitting = run({ lines: source(), signal: stop.signal });
    await eventually(async () => expect(await executions()).toEqual(['run-1']));
    more.resolve();
    await eventually(async () => expect(await executions()).toEqual(['run-1', 'run-2']));
    stop.abort();
    expect((await emitting).code).toBe(0);
  });

  test('end on a signal, even while standard input stays open', async () => {
    const stop = new AbortController();
    const source = async function* () {
      yield eventLine('run-1');
      await once(new EventTarget(), 'never');
    };
    const given = { lines: source(), signal: stop.signal, onLine: () => stop.abort() };
    expect(await run(given)).toMatchObject({
      code: 0,
      err: ['stopped after line 1, the last one that was read'],
    });
    expect(await executions()).toEqual(['run-1']);
  });

  test('that can no longer be read: those before are appended, and it is told', async () => {
    const source = async function* () {
      yield eventLine('run-1');
      throw new Error('EIO');
    };
    await expect(run({ lines: source() })).rejects.toThrow('cannot read further than line 1: EIO');
    expect(await executions()).toEqual(['run-1']);
  });

  test('take their time from when they are read, and their eventId from where they stand', async () => {
    const wallMs = () => Date.parse('2026-11-20T12:00:00Z');
    const line = eventLine('run-1');
    await run({ files: { '/data/a.ndjson': line }, clock: { wallMs, monotonicMs: () => 0 } });
    expect(await events(redis)).toMatchObject([
      {
        occurredAt: '2026-11-20T12:00:00.000Z',
        eventId: eventIdOfLine(line, { name: 'a.ndjson', number: 1 }),
      },
    ]);
  });
});

describe('files', () => {
  test('are appended one after another, each line told with its file', async () => {
    const { code, out } = await run({
      files: {
        'a/b.ndjson': `${eventLine('run-1')}\n${eventLine('run-2')}`,
        'a/a.ndjson': `\ufeff${eventLine('run-3')}\r\nnonsense\r\n`,
      },
    });
    expect(code).toBe(1);
    expect(out.map((text) => JSON.parse(text))).toEqual([
      { file: 'a/b.ndjson', line: 1, id: ID },
      { file: 'a/b.ndjson', line: 2, id: ID },
      { file: 'a/a.ndjson', line: 1, id: ID },
    ]);
    expect(await executions()).toEqual(['run-1', 'run-2', 'run-3']);
  });

  test('of which a signal leaves a part are told to be left', async () => {
    const stop = new AbortController();
    const open = async function* () {
      yield Buffer.from(`${eventLine('run-1')}\n`);
      await once(new EventTarget(), 'never');
    };
    const { code, err } = await run({
      files: { 'a.ndjson': '' },
      openFile: async () => ({ sizeBytes: 1000, open }),
      signal: stop.signal,
      onLine: () => stop.abort(),
    });
    expect({ code, err }).toEqual({
      code: 1,
      err: ['stopped after line 1; run the same again to go on'],
    });
  });

  test('that are not there are wrong usage, and nothing of the others is appended', async () => {
    const files = { 'a.ndjson': eventLine('run-1'), 'b.ndjson': '' };
    const openFile = (path: string) =>
      path.startsWith('b')
        ? noFile(path)
        : {
            sizeBytes: 0,
            open: () => {
              throw new Error('opened');
            },
          };
    const result = await run({ files, openFile: async (path) => openFile(path) });
    expect(result).toEqual({ code: 2, out: [], err: ['cannot read b.ndjson'] });
  });

  test('of several with one name are wrong usage', async () => {
    const files = { 'a/x.ndjson': eventLine('run-1'), 'b/x.ndjson': eventLine('run-1') };
    expect(await run({ files })).toMatchObject({
      code: 2,
      err: [expect.stringContaining('two files are called x.ndjson')],
    });
    expect(await events(redis)).toEqual([]);
  });
});
