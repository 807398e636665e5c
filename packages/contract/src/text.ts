import { z } from 'zod';

/** C0, DEL and C1. They hide text on terminals and break lines in logs, so no value carries them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose
const CONTROL_BUT_NEWLINE_AND_TAB = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;
/** Neither white space nor a character without a glyph (controls, invisible formats, surrogates). */
const PRINTABLE_WITHOUT_SPACES = /^[^\s\p{Cc}\p{Cf}\p{Cs}]+$/u;

export function hasControlCharacter(text: string): boolean {
  return CONTROL.test(text);
}

export function isPrintableWithoutSpaces(text: string): boolean {
  return PRINTABLE_WITHOUT_SPACES.test(text);
}

/**
 * At most `max` UTF-16 code units, as every length here. zod's own `max` counts code points, as JSON
 * Schema does; it stays for that, being the looser one.
 */
export function textUpTo(max: number) {
  const problem = `must be at most ${max} characters long`;
  return z
    .string()
    .max(max, problem)
    .refine((text) => text.length <= max, problem);
}

/** One line of text for a person, `max` UTF-16 code units at most. */
export function lineOfText(max: number) {
  return textUpTo(max).refine((text) => !CONTROL.test(text), 'must not contain control characters');
}

/** Several lines of text for a person: newline and tab are fine, other control characters are not. */
export function linesOfText(max: number) {
  return textUpTo(max).refine(
    (text) => !CONTROL_BUT_NEWLINE_AND_TAB.test(text),
    'must not contain control characters other than newline and tab',
  );
}
