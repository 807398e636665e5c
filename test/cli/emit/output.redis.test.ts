import { describe, expect, test } from 'vitest';
import { useRedis } from '../../fixtures/redis.ts';
import { type EmitGiven, emit, eventLine, eventLines, fakeTerminal } from './emitting.ts';

const redis = useRedis();

const run = (given: EmitGiven) => emit(redis, given);

describe('on a terminal', () => {
  test('a bar of the bytes of all files takes the place of lines, and a summary ends it', async () => {
    const { terminal, text } = fakeTerminal();
    const files = {
      'a.ndjson': eventLines(1200).join('\n'),
      'b.ndjson': `nonsense\n${eventLine('run-1')}\n`,
    };
    const clock = { wallMs: Date.now, monotonicMs: () => 0 };
    const { code, out, err } = await run({ files, terminal, clock });
    expect({ code, out, err }).toEqual({
      code: 1,
      out: [],
      err: ['1201 appended, 0 already there, 1 refused'],
    });
    expect(text()).toContain('b.ndjson, line 1: is no JSON object\n');
    expect(text()).toMatch(/={30}\] 100% {2}1201 events, 0\/s, 1 refused\r\n$/);
  });

  test('standard input is counted, per second as well', async () => {
    const { terminal, text } = fakeTerminal();
    const times = [0, 500, 1000, 1500, 2000];
    const clock = { wallMs: Date.now, monotonicMs: () => times.shift() ?? 2000 };
    await run({ lines: eventLines(1), terminal, clock });
    expect(text()).toMatch(/\r1 event, 2\/s\r\n$/);
    expect(text()).not.toContain('%');
  });

  test('a person who types lines is shown what became of each', async () => {
    const { terminal, text } = fakeTerminal();
    const { out, err } = await run({ lines: eventLines(2), terminal, isTyped: true });
    expect({ out: out.length, err, drawn: text() }).toEqual({ out: 2, err: [], drawn: '' });
  });
});

test('quiet is a summary and what went wrong', async () => {
  const lines = [...eventLines(2), 'nonsense'];
  expect(await run({ lines, flags: { quiet: true } })).toEqual({
    code: 1,
    out: [],
    err: ['line 3: is no JSON object', '2 appended, 0 already there, 1 refused'],
  });
  expect((await run({ lines, flags: { quiet: true } })).err.at(-1)).toBe(
    '0 appended, 2 already there, 1 refused',
  );
});
