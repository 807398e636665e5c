import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BodyBudget } from '../../../src/http/intake/body-budget.ts';

test('a budget grants what is free, and nothing beyond', () => {
  const budget = new BodyBudget(8);
  const first = budget.reserve(2, 'a');
  expect(first).toBeDefined();
  for (const owner of ['b', 'c']) expect(budget.reserve(2, owner)).toBeDefined();
  expect(budget.reserve(1, 'd')).toBeDefined();
  expect(budget.reserve(2, 'e')).toBeUndefined();
  first?.[Symbol.dispose]();
  expect(budget.reserve(2, 'e')).toBeDefined();
});

test('one owner has a quarter of it at most, and has it again when it is given back', () => {
  const budget = new BodyBudget(8);
  const first = budget.reserve(1, 'a');
  budget.reserve(1, 'a');
  expect(budget.reserve(1, 'a')).toBeUndefined();
  expect(budget.reserve(2, 'b')).toBeDefined();
  first?.[Symbol.dispose]();
  expect(budget.reserve(2, 'a')).toBeUndefined();
  expect(budget.reserve(1, 'a')).toBeDefined();
});

test('an empty body is granted by a budget that is used up', () => {
  const budget = new BodyBudget(4);
  for (const owner of ['a', 'b', 'c', 'd']) budget.reserve(1, owner);
  expect(budget.reserve(0, 'a')).toBeDefined();
});

test('nobody ever holds more than is theirs, nor less when all is given back', () => {
  const owners = fc.constantFrom('a', 'b', 'c', 'd', 'e');
  const step = fc.tuple(fc.nat(30), owners, fc.boolean(), fc.nat(3));
  const steps = fc.array(step, { minLength: 20 });
  fc.assert(
    fc.property(steps, (list) => {
      const budget = new BodyBudget(100);
      const held: { bytes: number; owner: string; reservation: Disposable }[] = [];
      const sumOf = (all: typeof held) => all.reduce((sum, { bytes }) => sum + bytes, 0);
      for (const [bytes, owner, gives, place] of list) {
        const given = gives ? held.splice(place, 1)[0] : undefined;
        // Twice, because a release that counts twice would grant memory that is not there.
        given?.reservation[Symbol.dispose]();
        given?.reservation[Symbol.dispose]();
        if (gives) continue;
        const own = sumOf(held.filter((each) => each.owner === owner));
        const reservation = budget.reserve(bytes, owner);
        const fits = sumOf(held) + bytes <= 100 && own + bytes <= 25;
        expect(reservation !== undefined).toBe(fits);
        if (reservation !== undefined) held.push({ bytes, owner, reservation });
      }
      for (const { reservation } of held) reservation[Symbol.dispose]();
      for (const owner of ['v', 'w', 'x', 'y']) expect(budget.reserve(25, owner)).toBeDefined();
    }),
  );
});
