import { describe, expect, test } from 'vitest';
import { notesOn } from '../../src/projects/projects-notes.ts';
import {
  afterReading,
  currentProblem,
  inForce,
  NOTHING_READ,
  needsFallback,
  type Reading,
  type SourceState,
} from '../../src/projects/projects-state.ts';
import { documentOf } from './running-projects.ts';

const READINGS = {
  good: { kind: 'contents', version: 'v2', bytes: Buffer.from(documentOf('new')) },
  invalid: { kind: 'contents', version: 'v3', bytes: Buffer.from('{}') },
  unchanged: { kind: 'unchanged' },
  failed: { kind: 'failed', problem: 'gone' },
} satisfies Record<string, Reading>;

const INVALID =
  'is no list of projects: projects: Invalid input: expected array, received undefined';
const OLD = {
  projects: [{ project: 'old', displayName: 'Old', applications: [] }],
  loadedAtMs: 1,
};
const seenGood = { version: 'v1', problem: undefined };
const seenInvalid = { version: 'v1', problem: 'wrong' };
const UNREAD = NOTHING_READ.source;

/** What was seen last after a look; nothing where the look showed no contents. */
const SEEN_AFTER: Record<keyof typeof READINGS, SourceState['seen']> = {
  good: { version: 'v2', problem: undefined },
  invalid: { version: 'v3', problem: INVALID },
  unchanged: undefined,
  failed: undefined,
};

/** Every state that a source can be in. */
const STATES = {
  unread: UNREAD,
  neverReached: { ...UNREAD, broken: { sinceMs: 5, problem: 'away' } },
  neverValid: { seen: seenInvalid, good: undefined, broken: { sinceMs: 5, problem: 'wrong' } },
  neverValidNowAway: {
    seen: seenInvalid,
    good: undefined,
    broken: { sinceMs: 5, problem: 'away' },
  },
  whole: { seen: seenGood, good: OLD, broken: undefined },
  wholeNowAway: { seen: seenGood, good: OLD, broken: { sinceMs: 5, problem: 'away' } },
  nowInvalid: { seen: seenInvalid, good: OLD, broken: { sinceMs: 5, problem: 'wrong' } },
  nowInvalidAndAway: { seen: seenInvalid, good: OLD, broken: { sinceMs: 5, problem: 'away' } },
} satisfies Record<string, SourceState>;

/** Written short: outcome, slug of the last good list, since when broken, why. */
type Row = readonly [string, string | undefined, number | undefined, string | undefined];

const NEW: Row = ['changed', 'new', undefined, undefined];

const TRANSITIONS: Record<keyof typeof STATES, Record<keyof typeof READINGS, Row>> = {
  unread: {
    good: NEW,
    invalid: ['failed', undefined, 9, INVALID],
    unchanged: ['failed', undefined, 9, 'claims to be unchanged, but was never read'],
    failed: ['failed', undefined, 9, 'gone'],
  },
  neverReached: {
    good: NEW,
    invalid: ['failed', undefined, 5, INVALID],
    unchanged: ['failed', undefined, 5, 'claims to be unchanged, but was never read'],
    failed: ['failed', undefined, 5, 'gone'],
  },
  neverValid: {
    good: NEW,
    invalid: ['failed', undefined, 5, INVALID],
    unchanged: ['failed', undefined, 5, 'wrong'],
    failed: ['failed', undefined, 5, 'gone'],
  },
  neverValidNowAway: {
    good: NEW,
    invalid: ['failed', undefined, 5, INVALID],
    unchanged: ['failed', undefined, 5, 'wrong'],
    failed: ['failed', undefined, 5, 'gone'],
  },
  whole: {
    good: NEW,
    invalid: ['failed', 'old', 9, INVALID],
    unchanged: ['unchanged', 'old', undefined, undefined],
    failed: ['failed', 'old', 9, 'gone'],
  },
  wholeNowAway: {
    good: NEW,
    invalid: ['failed', 'old', 5, INVALID],
    unchanged: ['unchanged', 'old', undefined, undefined],
    failed: ['failed', 'old', 5, 'gone'],
  },
  nowInvalid: {
    good: NEW,
    invalid: ['failed', 'old', 5, INVALID],
    unchanged: ['failed', 'old', 5, 'wrong'],
    failed: ['failed', 'old', 5, 'gone'],
  },
  nowInvalidAndAway: {
    good: NEW,
    invalid: ['failed', 'old', 5, INVALID],
    unchanged: ['failed', 'old', 5, 'wrong'],
    failed: ['failed', 'old', 5, 'gone'],
  },
};

const CASES = Object.entries(TRANSITIONS).flatMap(([from, rows]) =>
  Object.entries(rows).map(([reading, row]) => ({
    from: from as keyof typeof STATES,
    reading: reading as keyof typeof READINGS,
    row,
  })),
);

describe('a source', () => {
  test.each(CASES)('that is $from has a next state when a look is $reading', (transition) => {
    const reading = READINGS[transition.reading];
    const before: SourceState = STATES[transition.from];
    const { state, outcome } = afterReading(before, reading, 9);
    const { good, broken, seen } = state;
    expect([outcome, good?.projects[0]?.project, broken?.sinceMs, broken?.problem]).toEqual(
      transition.row,
    );
    expect(seen).toEqual(SEEN_AFTER[transition.reading] ?? before.seen);
  });

  test('knows when its list was loaded, and that it is not loaded again', () => {
    const first = afterReading(UNREAD, READINGS.good, 9).state;
    const second = afterReading(first, READINGS.unchanged, 10).state;
    expect([first.good?.loadedAtMs, second.good]).toEqual([9, first.good]);
  });

  test('remembers that contents were not valid, without reading them again', () => {
    const first = afterReading(UNREAD, READINGS.invalid, 9).state;
    const second = afterReading(first, READINGS.failed, 10).state;
    const third = afterReading(second, READINGS.unchanged, 11).state;
    expect(third.broken).toEqual({ sinceMs: 9, problem: INVALID });
  });

  test('tells ten faults of a document, and counts the others', () => {
    const bytes = Buffer.from(JSON.stringify({ projects: Array(4).fill({}) }));
    const { broken } = afterReading(UNREAD, { kind: 'contents', version: 'v', bytes }, 9).state;
    expect(broken?.problem.split('; ')).toHaveLength(11);
    expect(broken?.problem).toMatch(/; and 2 more$/);
  });
});

describe('the list in force', () => {
  const FALLBACK = { ...STATES.whole, good: { projects: [], loadedAtMs: 2 } };

  test.each([
    ['none, before the first look', UNREAD, UNREAD, undefined],
    [
      'none, while source and fallback are broken',
      STATES.neverReached,
      STATES.neverValid,
      undefined,
    ],
    ["the fallback's, while the source never had one", STATES.neverReached, FALLBACK, 'fallback'],
    ["the fallback's, while the source holds none", STATES.neverValid, FALLBACK, 'fallback'],
    ["the fallback's last good one", STATES.neverReached, STATES.wholeNowAway, 'fallback'],
    ["the source's, when it has one", STATES.whole, FALLBACK, 's3'],
    ["the source's last good one while it is away", STATES.wholeNowAway, FALLBACK, 's3'],
    ["the source's last good one while it is invalid", STATES.nowInvalid, FALLBACK, 's3'],
  ] as const)('is %s', (_, source, fallback, origin) => {
    expect(inForce({ source, fallback }, 's3')?.origin).toBe(origin);
  });

  test('asks for the fallback only while a broken source never had a list', () => {
    const asking = Object.entries(STATES).filter(([, source]) =>
      needsFallback({ source, fallback: UNREAD }),
    );
    expect(asking.map(([name]) => name)).toEqual([
      'neverReached',
      'neverValid',
      'neverValidNowAway',
    ]);
  });
});

describe('what is wrong', () => {
  test.each([
    ['nothing, while the source is whole', STATES.whole, STATES.neverReached, undefined],
    ["the source's trouble", STATES.neverReached, STATES.whole, 'away'],
    [
      "also the fallback's, while it is needed",
      STATES.neverReached,
      STATES.neverValid,
      'away; the fallback wrong',
    ],
    ["not the fallback's, when it is not needed", STATES.wholeNowAway, STATES.neverValid, 'away'],
  ] as const)('is %s', (_, source, fallback, problem) => {
    expect(currentProblem({ source, fallback })).toBe(problem);
  });
});

describe('the log', () => {
  const { neverReached, whole, wholeNowAway, nowInvalid } = STATES;
  const changed = { ...whole, good: { projects: [], loadedAtMs: 9 } };
  const state = (source: SourceState, fallback: SourceState = UNREAD) => ({ source, fallback });
  const loaded = (origin: string, projects: number) => ({ kind: 'loaded', origin, projects });
  const broken = (problem: string, origin?: string) => ({
    kind: 'broken',
    problem,
    inForce: origin,
  });

  test.each([
    ['the first list', state(UNREAD), state(whole), [loaded('file', 1)]],
    ['another list', state(whole), state(changed), [loaded('file', 0)]],
    ['a broken source', state(whole), state(wholeNowAway), [broken('away', 'file')]],
    ['another reason', state(wholeNowAway), state(nowInvalid), [broken('wrong', 'file')]],
    ['a source without a list', state(UNREAD), state(neverReached), [broken('away')]],
    ['a source that works again', state(wholeNowAway), state(whole), [{ kind: 'recovered' }]],
    [
      'the fallback taking the place',
      state(UNREAD),
      state(neverReached, whole),
      [broken('away', 'fallback'), loaded('fallback', 1)],
    ],
    [
      'the source taking it back, though its list is as long',
      state(neverReached, whole),
      state({ ...whole, good: { ...OLD, projects: [...OLD.projects] } }, whole),
      [{ kind: 'recovered' }, loaded('file', 1)],
    ],
    ['nothing of a state that lasts', state(whole), state(whole), []],
    ['nothing of trouble that lasts', state(wholeNowAway), state({ ...wholeNowAway }), []],
  ])('tells %s', (_, before, after, notes) => {
    expect(notesOn(before, after, 'file')).toEqual(notes);
  });
});
