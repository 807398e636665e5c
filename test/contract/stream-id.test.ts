import {
  compareStreamIds,
  laterStreamId,
  parseStreamId,
  STREAM_START,
  StreamIdSchema,
  streamIdTimeMs,
} from '@tasktrail/contract';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { idOf } from '../fixtures/events.ts';

/** Small ones, so that they collide, and ones around the limits of 32, 53 and 64 bits. */
const parts = fc.oneof(
  fc.bigInt({ min: 0n, max: 20n }),
  fc
    .tuple(fc.constantFrom(32n, 53n, 63n, 64n), fc.bigInt({ min: 1n, max: 3n }))
    .map(([bits, below]) => 2n ** bits - below),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
);
const idParts = fc.tuple(parts, parts);

describe('stream ids', () => {
  test('compare as two 64-bit integers, the first one deciding', () => {
    fc.assert(
      fc.property(idParts, idParts, ([ms, seq], [otherMs, otherSeq]) => {
        const a = idOf(`${ms}-${seq}`);
        const b = idOf(`${otherMs}-${otherSeq}`);
        const difference = ms === otherMs ? seq - otherSeq : ms - otherMs;
        const sign = difference > 0n ? 1 : difference < 0n ? -1 : 0;
        expect(Math.sign(compareStreamIds(a, b))).toBe(sign);
        expect(laterStreamId(a, b)).toBe(sign >= 0 ? a : b);
        expect(laterStreamId(b, a)).toBe(sign >= 0 ? a : b);
      }),
      { numRuns: 1000 },
    );
  });

  test('do not compare as texts', () => {
    expect(compareStreamIds(idOf('5-10'), idOf('5-9'))).toBeGreaterThan(0);
    expect(compareStreamIds(idOf('10-0'), idOf('9-0'))).toBeGreaterThan(0);
  });

  test('have a time, in milliseconds', () => {
    expect(streamIdTimeMs(idOf('1795211160000-7'))).toBe(1_795_211_160_000);
    expect(streamIdTimeMs(STREAM_START)).toBe(0);
  });

  test('parse when they are two 64-bit integers without leading zeros', () => {
    fc.assert(
      fc.property(idParts, ([ms, seq]) => {
        const text = `${ms}-${seq}`;
        expect(parseStreamId(text)).toBe(text);
        expect(StreamIdSchema.safeParse(text).success).toBe(true);
      }),
    );
  });

  test.for([
    '',
    '-',
    '1',
    '1-',
    '-1',
    '1-1-1',
    '1--1',
    '01-1',
    '1-01',
    '00-0',
    '+1-1',
    '1.0-1',
    '1e3-0',
    '0x1-0',
    ' 1-1',
    '1-1 ',
    '1-1\n',
    '18446744073709551616-0',
    '0-18446744073709551616',
    '99999999999999999999-0',
    '100000000000000000000-0',
    '١-٢',
    '$',
    '*',
    '1-*',
    '(1-1',
    'undefined',
  ])('%j is none', (text) => {
    expect(parseStreamId(text)).toBeUndefined();
    expect(StreamIdSchema.safeParse(text).success).toBe(false);
  });

  test('garbage is none', () => {
    fc.assert(
      fc.property(garbage('0123456789- $*\n'), (text) => {
        const isCanonical = /^(0|[1-9]\d*)-(0|[1-9]\d*)$/.test(text);
        expect(parseStreamId(text)).toBe(isCanonical ? text : undefined);
      }),
    );
  });
});

function garbage(characters: string): fc.Arbitrary<string> {
  return fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom(...characters), maxLength: 12 }),
  );
}
