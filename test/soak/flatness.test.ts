import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { floorOf, judgeGrowth, judgeReturn, leastNoticed, median, type Point } from './flatness.ts';

const LOAD = { fromMs: 100, toMs: 1700 };
const TERMS = { by: 'median', share: 0.1, absolute: 5 } as const;

/** Sixteen points under load, four a quarter. */
function pointsOf(valueAt: (n: number) => number): Point[] {
  return Array.from({ length: 16 }, (_, n) => ({ atMs: 150 + n * 100, value: valueAt(n) }));
}

describe('growth under load', () => {
  test('is judged from the second quarter to the last', () => {
    const quarters = [1, 100, 1, 110];
    const points = pointsOf((n) => quarters[Math.floor(n / 4)] ?? 0);
    expect(judgeGrowth(points, LOAD, TERMS)).toMatchObject({
      kind: 'flat',
      compared: { before: 100, after: 110 },
    });
  });

  test('may reach its limit: so large a share, and so much besides', () => {
    const at = (last: number) => pointsOf((n) => (n < 12 ? 100 : last));
    expect(judgeGrowth(at(115), LOAD, TERMS).kind).toBe('flat');
    expect(judgeGrowth(at(115.1), LOAD, TERMS).kind).toBe('not-flat');
  });

  test('is not seen in what warms up and then stays', () => {
    expect(
      judgeGrowth(
        pointsOf((n) => (n < 4 ? n * 25 : 100)),
        LOAD,
        TERMS,
      ).kind,
    ).toBe('flat');
  });

  test('is not seen in a fault that is short', () => {
    const points = pointsOf((n) => (n === 13 ? 100_000 : 100));
    expect(judgeGrowth(points, LOAD, TERMS).kind).toBe('flat');
  });

  test('is not seen in what falls', () => {
    expect(
      judgeGrowth(
        pointsOf((n) => 100 - n),
        LOAD,
        TERMS,
      ).kind,
    ).toBe('flat');
  });

  test('is not looked for beyond the load', () => {
    const after = { atMs: 1800, value: 9000 };
    const points = [...pointsOf(() => 100), after, after, after, after, after];
    expect(judgeGrowth(points, LOAD, TERMS).kind).toBe('flat');
  });

  test('is seen of every leak that is as fast as is said, and of none that is a little slower', () => {
    const leak = fc.double({ min: 1, max: 1000, noNaN: true });
    const offset = fc.double({ min: -0.05, max: 0.05, noNaN: true });
    fc.assert(
      fc.property(leak, offset, (before, share) => {
        fc.pre(Math.abs(share) > 0.001);
        // The middle of the second quarter lies 8 points before that of the last one.
        const minutes = (LOAD.toMs - LOAD.fromMs) / 2 / 60_000;
        const grows = leastNoticed(before, LOAD, TERMS) * minutes * (1 + share);
        const points = pointsOf((n) => before + ((n - 5.5) / 8) * grows);
        expect(judgeGrowth(points, LOAD, TERMS).kind).toBe(share > 0 ? 'not-flat' : 'flat');
      }),
    );
  });

  test('by the floor is what stays after each collection', () => {
    const terms = { ...TERMS, by: 'floor' } as const;
    const collected = [100, 900, 500, 700];
    expect(
      judgeGrowth(
        pointsOf((n) => collected[n % 4] ?? 0),
        LOAD,
        terms,
      ).kind,
    ).toBe('flat');
    const leaking = pointsOf((n) => (collected[n % 4] ?? 0) + 2 * n);
    expect(judgeGrowth(leaking, LOAD, terms)).toMatchObject({
      kind: 'not-flat',
      compared: { before: 108, after: 124 },
    });
  });

  test('is unknown where a quarter has too few points, and what could not be read is none', () => {
    const points = pointsOf((n) => (n === 14 ? Number.NaN : 100));
    expect(judgeGrowth(points, LOAD, TERMS)).toEqual({ kind: 'unknown', points: 3 });
  });
});

describe('what was taken', () => {
  const [idle, rest] = [
    { fromMs: 0, toMs: 400 },
    { fromMs: 2000, toMs: 2400 },
  ];
  const ends = (before: number, after: number): Point[] =>
    [50, 150, 250, 350].flatMap((atMs) => [
      { atMs, value: before },
      { atMs: 2000 + atMs, value: after },
    ]);

  test('is given back when there is no more of it than before', () => {
    expect(judgeReturn(ends(27, 27), idle, rest, { absolute: 0 }).kind).toBe('flat');
    expect(judgeReturn(ends(27, 28), idle, rest, { absolute: 0 }).kind).toBe('not-flat');
    expect(judgeReturn(ends(27, 31), idle, rest, { absolute: 4 }).kind).toBe('flat');
  });

  test('does not count under load', () => {
    const busy = Array.from({ length: 9 }, (_, n) => ({ atMs: 600 + n, value: 5000 }));
    expect(judgeReturn([...ends(27, 27), ...busy], idle, rest, { absolute: 0 }).kind).toBe('flat');
  });
});

test('a median lies in the middle, and a floor is passed by none', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(median([])).toBeNaN();
  expect(floorOf([3, 1, 2])).toBe(1);
  expect(floorOf([7])).toBe(7);
  expect(floorOf([])).toBeNaN();
});
