import {
  formatPosition,
  type Position,
  PositionSchema,
  parsePosition,
  parseStreamId,
} from '@tasktrail/contract';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { idOf } from '../fixtures/events.ts';

const MAX_PART = 2n ** 64n - 1n;

const ids = fc
  .tuple(fc.bigInt({ min: 0n, max: MAX_PART }), fc.bigInt({ min: 0n, max: MAX_PART }))
  .map(([ms, seq]) => idOf(`${ms}-${seq}`));

const epochs = fc.string({
  unit: fc.constantFrom(...'abcxyz0189'),
  minLength: 1,
  maxLength: 32,
});

const positions: fc.Arbitrary<Position> = fc.record({ epoch: epochs, id: ids });

describe('a position', () => {
  test('parses to what was formatted, at any length that it may have', () => {
    fc.assert(
      fc.property(positions, (position) => {
        const text = formatPosition(position);
        expect(parsePosition(text)).toEqual(position);
        expect(PositionSchema.safeParse(text).success).toBe(true);
      }),
    );
    const longest = { epoch: 'z'.repeat(32), id: idOf(`${MAX_PART}-${MAX_PART}`) };
    expect(parsePosition(formatPosition(longest))).toEqual(longest);
  });

  test('is v1, the epoch and the id', () => {
    const position = { epoch: 'k3f9x2', id: idOf('1795211160000-0') };
    expect(formatPosition(position)).toBe('v1.k3f9x2.1795211160000-0');
  });

  test('may be a bare stream id, which has no epoch', () => {
    fc.assert(
      fc.property(ids, (id) => {
        expect(parsePosition(id)).toEqual({ epoch: undefined, id });
      }),
    );
  });

  test.for([
    '',
    'v1',
    'v1.',
    'v1..1-1',
    'v1.abc',
    'v1.abc.',
    'v1.abc.1',
    'v1.abc.01-1',
    'v1.abc.1-1.',
    'v1.abc.1-1.x',
    'v1.abc.18446744073709551616-0',
    'v1.ABC.1-1',
    'v1.a-c.1-1',
    'v1.a c.1-1',
    `v1.${'a'.repeat(33)}.1-1`,
    'v2.abc.1-1',
    'V1.abc.1-1',
    '.abc.1-1',
    ' v1.abc.1-1',
    'v1.abc.1-1 ',
    'v1.abc.1-1\n',
    'v1.abc.1-1,v1.abc.1-1',
    'abc.1-1',
    'null',
    '[object Object]',
  ])('is not %j', (text) => {
    expect(parsePosition(text)).toBeUndefined();
  });

  test('is not 10 MB of digits, which are not even looked at', () => {
    const startedAt = performance.now();
    expect(parsePosition(`v1.abc.${'1'.repeat(10_000_000)}-0`)).toBeUndefined();
    expect(parsePosition('.'.repeat(10_000_000))).toBeUndefined();
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });

  test('is never garbage: what parses formats to the same text', () => {
    const almost = fc.string({ unit: fc.constantFrom(...'v1.abA09-\n '), maxLength: 14 });
    const damaged = fc
      .tuple(positions.map(formatPosition), fc.nat(), fc.string({ maxLength: 2 }))
      .map(
        ([text, at, with_]) =>
          text.slice(0, at % text.length) + with_ + text.slice((at % text.length) + 1),
      );
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), almost, damaged), (text) => {
        const parsed = parsePosition(text);
        if (parsed === undefined) return;
        const { epoch, id } = parsed;
        expect(parseStreamId(id)).toBe(id);
        expect(epoch === undefined ? id : formatPosition({ epoch, id })).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });
});
