import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isComplete,
  mayBeOfGone,
  type RemovalSigns,
  removalsOf,
} from '../../src/repair/completeness.ts';
import { idOf } from '../fixtures/events.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const WHOLE_STREAM: RemovalSigns = {
  checkpoint: idOf('9-0'),
  checkpointAhead: undefined,
  holdsCheckpoint: true,
  isThere: true,
  first: idOf('1-0'),
  lastGiven: idOf('9-0'),
  added: 9,
  removed: 0,
  deletedTo: undefined,
  trimmedTo: undefined,
  entriesRead: 9,
  seen: 9,
  before: 0,
};

describe('events are gone', () => {
  test.for<[string, Partial<RemovalSigns>, string | undefined]>([
    ['nowhere, where each that was added is there', {}, undefined],
    ['up to the first that is left', { removed: 3, first: idOf('4-0') }, '4-0'],
    ['up to the last, where none is left', { removed: 9, first: undefined }, '9-0'],
    ['up to where the projector trimmed', { removed: 3, trimmedTo: idOf('10-0') }, '10-0'],
    ['up to one that was deleted', { removed: 1, deletedTo: idOf('7-0') }, '7-0'],
    ['up to the checkpoint, whose own is not there', { holdsCheckpoint: false }, '9-0'],
    [
      'nowhere, where none was applied yet',
      { checkpoint: undefined, holdsCheckpoint: false },
      undefined,
    ],
    ['up to the first, where more was read than was added', { entriesRead: 10 }, '1-0'],
    ['up to the first, where less was added than was seen', { seen: 10 }, '1-0'],
    ['up to the first, where the account tells of an earlier stream', { before: 1 }, '1-0'],
    [
      'nowhere, where those of an earlier stream are not counted twice',
      { entriesRead: 8 },
      undefined,
    ],
    [
      'nowhere, where the checkpoint is of no event yet',
      { checkpoint: idOf('99-0'), holdsCheckpoint: false },
      undefined,
    ],
    [
      'up to the checkpoint, where it was of an earlier stream',
      { checkpoint: idOf('99-0'), holdsCheckpoint: false, entriesRead: 10 },
      '99-0',
    ],
    [
      'all of them, where an earlier stream is gone and none has come since',
      { added: 0, first: undefined, lastGiven: idOf('0-0') },
      '18446744073709551615-18446744073709551615',
    ],
    [
      'all of them, where there is no stream',
      { isThere: false },
      '18446744073709551615-18446744073709551615',
    ],
  ])('%s', ([, signs, expected]) => {
    expect(removalsOf({ ...WHOLE_STREAM, ...signs }).gone).toBe(expected);
  });
});

describe('an execution is complete', () => {
  const gone = idOf('1795211160000-5');
  const createdAfter = (ms: number) => new Date(1_795_211_160_000 + ms).toISOString();

  test('where no event was removed, whatever its row says', () => {
    for (const createdAt of [undefined, 'never', createdAfter(-DAY_MS)]) {
      expect(isComplete(createdAt, undefined)).toBe(true);
    }
  });

  test('when its row was created more than a day after what is gone, and not before', () => {
    expect(isComplete(createdAfter(DAY_MS + 1), gone)).toBe(true);
    for (const createdAt of [createdAfter(DAY_MS), createdAfter(0), 'never', undefined]) {
      expect(isComplete(createdAt, gone)).toBe(false);
    }
  });

  test('never when its first event may be among those that are gone', () => {
    const anyMs = fc.integer({ min: DAY_MS, max: 2 ** 42 });
    const anyAheadMs = fc.integer({ min: -(2 ** 40), max: DAY_MS });
    fc.assert(
      fc.property(anyMs, anyAheadMs, fc.nat(), (firstMs, aheadMs, laterMs) => {
        const createdAt = new Date(firstMs + aheadMs).toISOString();
        return !isComplete(createdAt, idOf(`${firstMs + laterMs}-0`));
      }),
    );
  });
});

test('a row that tells of a later event than those of a restored stream is not written anew', () => {
  const row = { createdAt: '2026-11-30T00:00:00Z', lastEventId: idOf('1796000000000-0') };
  const removals = { gone: idOf('1795000000000-0'), isAnew: true, first: idOf('1795000000000-0') };
  expect(mayBeOfGone(row, idOf('1795999999999-0'), removals)).toBe(true);
  expect(mayBeOfGone(row, row.lastEventId, removals)).toBe(false);
  expect(mayBeOfGone(row, idOf('1795999999999-0'), { ...removals, isAnew: false })).toBe(false);
});
