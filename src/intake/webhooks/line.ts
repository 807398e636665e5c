/**
 * Foreign text as one line for a person, at most `max` UTF-16 code units long: control characters
 * and runs of white space become one space, lone surrogates become U+FFFD, and what is too long
 * ends in an ellipsis without cutting a surrogate pair. Undefined when nothing is left to read.
 */
export function lineOf(text: string | null | undefined, max: number): string | undefined {
  const line = (text ?? '')
    .toWellFormed()
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim();
  if (line.length <= max) return line === '' ? undefined : line;
  const end = isHighSurrogate(line.charCodeAt(max - 2)) ? max - 2 : max - 1;
  return `${line.slice(0, end)}…`;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
