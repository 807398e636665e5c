import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  HASHES,
  halfOf,
  hashOf,
  isInSlice,
  type Slice,
  sliceAfter,
  WHOLE,
} from '../../src/repair/slice.ts';

/** Slices of a run in which those that are too wide are halved. */
function slicesOf(isTooWide: (slice: Slice) => boolean): Slice[] {
  const slices: Slice[] = [];
  let slice: Slice | undefined = WHOLE;
  while (slice !== undefined) {
    while (isTooWide(slice)) slice = halfOf(slice);
    slices.push(slice);
    slice = sliceAfter(slice);
  }
  return slices;
}

describe('slices', () => {
  test('follow each other from the first hash to the last, however often one is halved', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.boolean()), fc.integer({ min: 1, max: 6 }), (coin, most) => {
        let halvings = 0;
        const slices = slicesOf(() => {
          halvings += 1;
          return halvings < most * 4 && coin.next().value === true;
        });
        expect(slices[0]?.from).toBe(0);
        expect(slices.at(-1)?.to).toBe(HASHES);
        for (const [i, { to }] of slices.slice(0, -1).entries())
          expect(slices[i + 1]?.from).toBe(to);
      }),
    );
  });

  test('cannot be halved to nothing', () => {
    expect(halfOf({ from: 5, to: 6 })).toEqual({ from: 5, to: 6 });
  });

  test('hold each execution once', () => {
    const slices = slicesOf(({ from, to }) => to - from > HASHES / 8);
    fc.assert(
      fc.property(fc.string(), (id) => {
        expect(slices.filter((slice) => isInSlice(slice, id))).toHaveLength(1);
      }),
    );
  });

  test('are about as full as each other, also of ids that differ in their ends alone', () => {
    const counts = new Array<number>(16).fill(0);
    for (let n = 0; n < 16_000; n += 1) {
      const place = Math.floor((hashOf(`github-run-acme~shop-${1_000_000 + n}`) / HASHES) * 16);
      counts[place] = (counts[place] ?? 0) + 1;
    }
    expect(Math.min(...counts)).toBeGreaterThan(800);
    expect(Math.max(...counts)).toBeLessThan(1200);
  });
});
