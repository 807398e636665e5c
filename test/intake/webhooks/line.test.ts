import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lineOf } from '../../../src/intake/webhooks/line.ts';

describe('lineOf', () => {
  it('makes one line of several', () => {
    expect(lineOf(' one\r\ntwo\t\u0000three\u001b[31m\u0085four ', 100)).toBe(
      'one two three [31m four',
    );
  });

  it('has nothing where there is nothing to read', () => {
    for (const text of [undefined, null, '', ' \r\n\t\u0007']) {
      expect(lineOf(text, 10)).toBeUndefined();
    }
  });

  it('ends what is too long in an ellipsis, without cutting a character in two', () => {
    expect(lineOf('12345', 5)).toBe('12345');
    expect(lineOf('123456', 5)).toBe('1234…');
    expect(lineOf('123😀6', 5)).toBe('123…');
    expect(lineOf('12😀56', 5)).toBe('12😀…');
  });

  it('is well-formed, of one line and within its length, whatever comes in', () => {
    const units = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(fc.integer({ min: 0, max: 0xffff })).map((all) => String.fromCharCode(...all)),
      fc.string({ unit: fc.constantFrom('😀', 'a', '\ud83d', '\r\n') }),
    );
    fc.assert(
      fc.property(units, fc.integer({ min: 2, max: 12 }), (text, max) => {
        const line = lineOf(text, max) ?? '-';
        expect(line.length).toBeLessThanOrEqual(max);
        expect(line.isWellFormed()).toBe(true);
        expect(line).not.toMatch(/\p{Cc}|^\s|\s$|^$/u);
      }),
    );
  });
});
