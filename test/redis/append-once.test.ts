import fc from 'fast-check';
import { expect, test } from 'vitest';
import { digestOf } from '../../src/redis/append-once.ts';

test('digests of different texts are different, wherever one text ends', () => {
  const lists = fc.array(fc.string({ unit: fc.constantFrom('a', '"', ',', '\\', '\ud800') }), {
    maxLength: 4,
  });
  fc.assert(
    fc.property(lists, lists, (one, other) => {
      const isSame = JSON.stringify(one) === JSON.stringify(other);
      expect(digestOf(...one) === digestOf(...other)).toBe(isSame);
    }),
  );
  expect(digestOf('a', 'b')).toMatch(/^[\w-]{43}$/);
});
