import { expect, test } from 'vitest';
import { notesOf } from '../../../src/cli/repair/text.ts';
import { type RepairOutcome, STREAM_END } from '../../../src/repair/repair.ts';
import { idOf } from '../../fixtures/events.ts';

const OUTCOME: RepairOutcome = {
  ...{ differences: 0, mended: 0, written: 0, events: 0, rows: 3, passes: 1, unjudged: 3 },
  ...{ goneTo: undefined, hasCounted: true, hasNewEpoch: false, isWithoutCheckpoint: false },
  ...{ isStopped: false, tookMs: 1 },
};

test.for([
  [STREAM_END, 'since all events are gone; '],
  [idOf('5-0'), 'since events up to 5-0 are gone; '],
  [undefined, 'since they are of events before the first one that is there; '],
] as const)('rows that are not judged have their reason: gone to %s', ([goneTo, reason]) => {
  expect([...notesOf({ ...OUTCOME, goneTo })]).toEqual([expect.stringContaining(reason)]);
});
