import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BodyBudget } from '../../../src/http/intake/body-budget.ts';

test('a budget grants what is free, and nothing beyond', () => {
  const budget = new BodyBudget(10);
  const first = budget.reserve(6);
  expect(first).toBeDefined();
  expect(budget.reserve(5)).toBeUndefined();
  expect(budget.reserve(4)).toBeDefined();
  expect(budget.reserve(1)).toBeUndefined();
  first?.[Symbol.dispose]();
  expect(budget.reserve(6)).toBeDefined();
});

test('an empty body is granted by a budget that is used up', () => {
  const budget = new BodyBudget(1);
  budget.reserve(1);
  expect(budget.reserve(0)).toBeDefined();
});

test('what is held is never more than the budget, nor less when all is given back', () => {
  const steps = fc.array(fc.tuple(fc.nat(60), fc.boolean(), fc.nat(3)), { minLength: 20 });
  fc.assert(
    fc.property(steps, (list) => {
      const budget = new BodyBudget(100);
      const held: { bytes: number; reservation: Disposable }[] = [];
      for (const [bytes, gives, place] of list) {
        const sum = held.reduce((total, each) => total + each.bytes, 0);
        expect(sum).toBeLessThanOrEqual(100);
        const given = gives ? held.splice(place, 1)[0] : undefined;
        // Twice, because a release that counts twice would grant memory that is not there.
        given?.reservation[Symbol.dispose]();
        given?.reservation[Symbol.dispose]();
        if (gives) continue;
        const reservation = budget.reserve(bytes);
        expect(reservation !== undefined).toBe(sum + bytes <= 100);
        if (reservation !== undefined) held.push({ bytes, reservation });
      }
      for (const { reservation } of held) reservation[Symbol.dispose]();
      expect(budget.reserve(100)).toBeDefined();
    }),
  );
});
