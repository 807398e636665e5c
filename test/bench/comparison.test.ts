import { describe, expect, test } from 'vitest';
import type { Target } from '../../bench/harness/bench.ts';
import { compareRatios, judge } from '../../bench/harness/comparison.ts';
import { recordOf } from './records.ts';

const TWICE: Target = { contestant: 'tasktrail', figure: 'rate', against: 'peer', atLeast: 2 };
const NO_SLOWER: Target = { contestant: 'tasktrail', figure: 'p99', against: 'peer', atMost: 1 };

describe('a target', () => {
  test('compares the turns of one round, so that a machine that slows down changes no ratio', () => {
    const ours = [{ rate: 100 }, { rate: 20 }, { rate: 40 }];
    const peers = [{ rate: 40 }, { rate: 10 }, { rate: 10 }];
    const { reached, isMet } = judge(recordOf(ours, peers), TWICE);
    expect(reached).toEqual({ median: 2.5, least: 2, most: 4 });
    expect(isMet).toBe(true);
  });

  test('is not met below its least', () => {
    expect(judge(recordOf([{ rate: 19 }], [{ rate: 10 }]), TWICE).isMet).toBe(false);
  });

  test('is not met above its most', () => {
    const record = recordOf([{ p99: 5 }], []);
    const atMost = (bound: number) =>
      judge(record, { contestant: 'tasktrail', figure: 'p99', atMost: bound }).isMet;
    expect([atMost(4), atMost(5)]).toEqual([false, true]);
  });

  test('is neither met nor missed where the peer was not measured', () => {
    const { reached, isMet } = judge(recordOf([{ rate: 19 }], []), TWICE);
    expect([reached, isMet]).toEqual([undefined, undefined]);
  });
});

describe('the guard', () => {
  const before = recordOf([{ rate: 400, p99: 3 }], [{ rate: 100, p99: 6 }], [TWICE, NO_SLOWER]);
  const isWorse = (rate: number, p99: number) =>
    compareRatios(
      before,
      recordOf([{ rate, p99 }], [{ rate: 100, p99: 6 }], [TWICE, NO_SLOWER]),
    ).map((comparison) => comparison.isWorse);

  test('lets a ratio fall by a quarter and no further', () => {
    expect(isWorse(300, 4)).toEqual([false, false]);
    expect(isWorse(299, 4)).toEqual([true, false]);
  });

  test('knows of which figures less is better', () => {
    expect(isWorse(400, 4.1)).toEqual([false, true]);
  });

  test('compares only what was measured then and now', () => {
    expect(compareRatios(recordOf([], [], [TWICE]), before)).toEqual([]);
  });

  test('asks nothing of figures that are no ratio: they are of another machine', () => {
    const alone: Target = { contestant: 'tasktrail', figure: 'rate', atLeast: 1 };
    const record = recordOf([{ rate: 400 }], [{ rate: 100 }], [alone]);
    expect(compareRatios(record, record)).toEqual([]);
  });
});
