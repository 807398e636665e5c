import { describe, expect, test } from 'vitest';
import {
  afterReading,
  type FileReading,
  type FileState,
  notesOn,
  type ParsedFile,
  SettingsFileError,
} from '../../src/runtime/settings-file.ts';

/** Good contents begin with `ok`; of others every line is a fault. */
function parse(contents: Uint8Array): ParsedFile<string> {
  const text = Buffer.from(contents).toString();
  return text.startsWith('ok')
    ? { kind: 'valid', value: text }
    : { kind: 'invalid', problems: text.split('\n') };
}

const BEFORE_MS = 1000;
const NOW_MS = 2000;
const SUMMARY = 'has 2 fault(s), which the log names';
const good: FileState<string> = {
  value: 'ok old',
  loadedAtMs: 1,
  seen: { version: 'v1', problems: undefined },
  broken: undefined,
};

/** Every state that a file can be in. */
const STATES = {
  good,
  invalid: {
    ...good,
    seen: { version: 'v2', problems: ['a', 'b'] },
    broken: { sinceMs: BEFORE_MS, problems: ['a', 'b'], summary: SUMMARY },
  },
  gone: {
    ...good,
    broken: { sinceMs: BEFORE_MS, problems: ['it is gone'], summary: 'is gone' },
  },
  invalidAndGone: {
    ...good,
    seen: { version: 'v2', problems: ['a', 'b'] },
    broken: { sinceMs: BEFORE_MS, problems: ['it is gone'], summary: 'is gone' },
  },
} satisfies Record<string, FileState<string>>;

const READINGS = {
  unchanged: { kind: 'unchanged' },
  good: { kind: 'contents', version: 'v3', bytes: Buffer.from('ok new') },
  invalid: { kind: 'contents', version: 'v3', bytes: Buffer.from('secret\nfault') },
  failed: { kind: 'failed', problem: 'is gone' },
} satisfies Record<string, FileReading>;

const REREAD = {
  value: 'ok new',
  loadedAtMs: NOW_MS,
  seen: { version: 'v3', problems: undefined },
  broken: undefined,
};
const seenInvalid = { seen: { version: 'v3', problems: ['secret', 'fault'] } };
const invalidSince = (sinceMs: number) => ({
  broken: { sinceMs, problems: ['secret', 'fault'], summary: SUMMARY },
});
const goneSince = (sinceMs: number) => ({
  broken: { sinceMs, problems: ['it is gone'], summary: 'is gone' },
});
const failed = (...problems: string[]) => ({ kind: 'failed', problems });
const changed = { kind: 'changed' };
const recovered = { kind: 'recovered' };

/** What every reading makes of every state, and what is told about it. */
const STEPS: [keyof typeof STATES, keyof typeof READINGS, object, object[]][] = [
  ['good', 'unchanged', {}, []],
  ['good', 'good', REREAD, [changed]],
  ['good', 'invalid', { ...seenInvalid, ...invalidSince(NOW_MS) }, [failed('secret', 'fault')]],
  ['good', 'failed', goneSince(NOW_MS), [failed('it is gone')]],
  ['invalid', 'unchanged', {}, []],
  ['invalid', 'good', REREAD, [recovered, changed]],
  [
    'invalid',
    'invalid',
    { ...seenInvalid, ...invalidSince(BEFORE_MS) },
    [failed('secret', 'fault')],
  ],
  ['invalid', 'failed', goneSince(BEFORE_MS), [failed('it is gone')]],
  // Moved away and back: the same contents are in force as ever.
  ['gone', 'unchanged', { broken: undefined }, [recovered]],
  ['gone', 'good', REREAD, [recovered, changed]],
  ['gone', 'invalid', { ...seenInvalid, ...invalidSince(BEFORE_MS) }, [failed('secret', 'fault')]],
  ['gone', 'failed', {}, []],
  [
    'invalidAndGone',
    'unchanged',
    { broken: { sinceMs: BEFORE_MS, problems: ['a', 'b'], summary: SUMMARY } },
    [failed('a', 'b')],
  ],
  ['invalidAndGone', 'good', REREAD, [recovered, changed]],
  [
    'invalidAndGone',
    'invalid',
    { ...seenInvalid, ...invalidSince(BEFORE_MS) },
    [failed('secret', 'fault')],
  ],
  ['invalidAndGone', 'failed', {}, []],
];

describe('a file of settings', () => {
  test.each(STEPS)('that is %s and then read as %s', (state, reading, changes, notes) => {
    const before = STATES[state];
    const after = afterReading(before, READINGS[reading], parse, NOW_MS);
    expect(after).toEqual({ ...before, ...changes });
    expect(notesOn(before, after)).toEqual(notes);
  });

  test('has a step for every state and reading', () => {
    expect(STEPS).toHaveLength(Object.keys(STATES).length * Object.keys(READINGS).length);
  });
});

test('an error at start names the file, where it is, and every fault', () => {
  const file = { name: 'producers', path: '/etc/producers.json' };
  const error = new SettingsFileError(file, ['one', 'two']);
  expect(error.message).toBe('correct the producers file /etc/producers.json:\n  one\n  two');
  expect(error).toMatchObject({ path: '/etc/producers.json', problems: ['one', 'two'] });
});
