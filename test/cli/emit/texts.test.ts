import { describe, expect, test } from 'vitest';
import { outputModeOf } from '../../../src/cli/emit/output.ts';
import {
  appendedLine,
  countsText,
  endOfFlagsText,
  endOfLinesText,
  summaryText,
} from '../../../src/cli/emit/texts.ts';
import { idOf } from '../../fixtures/events.ts';
import { fakeTerminal } from './emitting.ts';

const PLACE = { file: undefined, line: 7, bytes: 100 };
const COUNTS = { appended: 5, repeated: 1, refused: 1 };
const SERVER = 'redis://redis';
const GAVE_UP = { kind: 'gave_up', afterMs: 300, reason: 'no answer' } as const;

describe('a line of output', () => {
  const id = idOf('1-2');

  test('names the file only where there are several, and says when nothing was appended', () => {
    expect(appendedLine(PLACE, id, false)).toBe('{"line":7,"id":"1-2"}');
    expect(appendedLine({ ...PLACE, file: 'a/b' }, id, true)).toBe(
      '{"file":"a/b","line":7,"id":"1-2","repeated":true}',
    );
  });
});

describe('the end of lines', () => {
  const end = (
    ...[how, isLeft = true, done]: [Parameters<typeof endOfLinesText>[0], boolean?, typeof PLACE?]
  ) => endOfLinesText(how, SERVER, done, COUNTS, isLeft);

  test('needs no words when it was reached', () => {
    expect(end({ kind: 'ended' })).toBeUndefined();
  });

  test('by a signal tells the place, and whether there is more', () => {
    expect(end({ kind: 'stopped' }, true, PLACE)).toBe(
      'stopped after line 7; run the same again to go on',
    );
    expect(end({ kind: 'stopped' }, false, PLACE)).toBe(
      'stopped after line 7, the last one that was read',
    );
  });

  test('without Redis says how much is done, and that it goes on there without doubling', () => {
    expect(end(GAVE_UP, true, PLACE)).toBe(
      'gave up: redis://redis confirmed nothing for 300 ms (no answer). Everything up to line 7 is ' +
        'done (5 appended, 1 already there, 1 refused). Start Redis, or correct ' +
        'TASK_TRACKING_REDIS_URL, and run the same again: it goes on there, and for 24 h appends ' +
        'nothing twice',
    );
    expect(end(GAVE_UP)).toContain('No line is done (');
  });

  test.for([
    ['WRONGTYPE Operation against', 'is this the right Redis?'],
    ['NOPERM this user', 'tasktrail-emit'],
    ['ERR unknown command', 'Is this Redis or Valkey, 7.0 or newer?'],
  ] as const)('by a refusal of Redis (%s) says the remedy', ([reason, remedy]) => {
    const text = end({ kind: 'refused', reason }, true, { ...PLACE, file: 'b.ndjson' } as never);
    expect(text).toContain(`Redis refused to append: ${reason}`);
    expect(text).toContain(remedy);
    expect(text).toContain('Everything up to b.ndjson, line 7 is done');
  });
});

describe('the end of an event from flags', () => {
  test('promises that a second run doubles nothing only where the event has its id', () => {
    expect(endOfFlagsText(GAVE_UP, SERVER, true)).toContain('for 24 h it is not appended twice');
    expect(endOfFlagsText(GAVE_UP, SERVER, false)).toContain('only with --event-id');
    expect(endOfFlagsText({ kind: 'stopped' }, SERVER, true)).toContain('was not confirmed');
    expect(endOfFlagsText({ kind: 'ended' }, SERVER, true)).toBeUndefined();
  });
});

test('the summary says what became of the lines', () => {
  expect(summaryText(COUNTS)).toBe('5 appended, 1 already there, 1 refused');
});

test.for([
  [COUNTS, 2000, '6 events, 3/s, 1 refused'],
  [{ appended: 1, repeated: 0, refused: 0 }, 0, '1 event, 0/s'],
] as const)('a bar counts %j after %i ms as %s', ([counts, elapsedMs, text]) => {
  expect(countsText(counts, elapsedMs)).toBe(text);
});

test('what is told lines by line, by a bar, or only in the end', () => {
  const { terminal } = fakeTerminal();
  expect(outputModeOf({}, undefined, false)).toBe('lines');
  expect(outputModeOf({}, terminal, false)).toBe('bar');
  expect(outputModeOf({}, terminal, true)).toBe('lines');
  expect(outputModeOf({}, fakeTerminal(false).terminal, false)).toBe('lines');
  expect(outputModeOf({ quiet: true }, terminal, false)).toBe('summary');
  expect(outputModeOf({ quiet: true }, undefined, true)).toBe('summary');
});
