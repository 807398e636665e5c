import { expect, test } from 'vitest';
import {
  NOTHING_UNTOLD,
  type Removals,
  tellRemovals,
  type UntoldRemovals,
} from '../../src/projector/removals.ts';

const MINUTE_MS = 60_000;

/** What is told of findings, each with the minute of its look. */
function tellAll(findings: readonly (readonly [minute: number, Removals])[]) {
  let untold: UntoldRemovals = NOTHING_UNTOLD;
  return findings.map(([minute, found]) => {
    const told = tellRemovals(untold, found, minute * MINUTE_MS);
    untold = told.untold;
    return told.tell;
  });
}

const removed = (count: number): Removals => ({ removed: count, lost: 0 });
const lost = (count: number): Removals => ({ removed: count, lost: count });
const NONE = removed(0);

test('the first finding is told at once, and nothing is while there is none', () => {
  expect(
    tellAll([
      [0, NONE],
      [0, removed(3)],
      [0, NONE],
    ]),
  ).toEqual([undefined, removed(3), undefined]);
});

test('a producer that trims all the time is told of now and then, with all that it took', () => {
  const findings = Array.from({ length: 25 }, (_, minute) => [minute, removed(1)] as const);
  const told = tellAll(findings);
  expect(told.flatMap((tell, minute) => (tell ? [[minute, tell.removed]] : []))).toEqual([
    [0, 1],
    [10, 10],
    [20, 10],
  ]);
});

test('what was found last is told after the quiet, although nothing follows', () => {
  expect(
    tellAll([
      [0, removed(1)],
      [1, removed(2)],
      [9, NONE],
      [10, NONE],
      [30, NONE],
    ]),
  ).toEqual([removed(1), undefined, undefined, removed(2), undefined]);
});

test('a loss does not wait for the quiet after a mere removal, and has a quiet of its own', () => {
  expect(
    tellAll([
      [0, removed(5)],
      [1, removed(1)],
      [2, lost(2)],
      [3, lost(1)],
      [12, NONE],
    ]),
  ).toEqual([removed(5), undefined, { removed: 3, lost: 2 }, undefined, lost(1)]);
});

test('a loss that is found later than the removal counts no event twice', () => {
  expect(
    tellAll([
      [0, removed(5)],
      [1, { removed: 0, lost: 2 }],
    ]),
  ).toEqual([removed(5), { removed: 0, lost: 2 }]);
});
