import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FAULT_NAMES, FAULTS } from '../faults/table.ts';
import { EventMaker } from './event-maker.ts';
import { planRound, type RoundPlan } from './round-plan.ts';

const plan = (seed: number, round: number) =>
  planRound(seed, round, FAULT_NAMES, (fault) => FAULTS[fault]);

const arbitraryRound = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 200 }));

/** Everything of it as text: its dice by what they throw. */
function textOf({ dice, ...rest }: RoundPlan): string {
  const events = new EventMaker(dice.of('raw'), 'raw', rest.isFat);
  const thrown = Array.from({ length: 20 }, () => events.next());
  return JSON.stringify([rest, thrown, dice.of('fault', 'failover').between(0, 1_000_000)]);
}

test('a round is the same for the same seed and number, whatever was planned before', () => {
  fc.assert(
    fc.property(arbitraryRound, arbitraryRound, ([seed, round], [otherSeed, otherRound]) => {
      const first = textOf(plan(seed, round));
      plan(otherSeed, otherRound).dice.between(0, 9);
      expect(textOf(plan(seed, round))).toBe(first);
    }),
  );
});

test('other seeds and other numbers make other rounds', () => {
  const texts = [1, 2, 3, 4].flatMap((seed) => [1, 2, 3].map((round) => textOf(plan(seed, round))));
  expect(new Set(texts).size).toBe(texts.length);
});

test('as many rounds as there are faults have every fault once', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat({ max: 3 }), (seed, cycle) => {
      const rounds = FAULT_NAMES.map((_, index) =>
        plan(seed, cycle * FAULT_NAMES.length + index + 1),
      );
      for (const name of FAULT_NAMES) {
        expect(rounds.some(({ faults }) => faults.some((fault) => fault.name === name))).toBe(true);
      }
    }),
    { numRuns: 20 },
  );
});

test('faults come with what they need, and none twice', () => {
  fc.assert(
    fc.property(arbitraryRound, ([seed, round]) => {
      const { faults, store, servers, projectors, isLossless } = plan(seed, round);
      const terms = faults.map(({ name }) => FAULTS[name]);
      expect(new Set(faults.map(({ name }) => name)).size).toBe(faults.length);
      expect(terms.some(({ stores }) => stores.includes(store))).toBe(true);
      expect(Math.min(servers, projectors)).toBeGreaterThan(0);
      expect(isLossless).toBe(terms.every(({ loses }) => loses === 'nothing'));
      if (terms.some(({ isAlone }) => isAlone)) expect(faults).toHaveLength(1);
    }),
  );
});
