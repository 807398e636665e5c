const MAX_CHARACTERS = 200;

/** A text as the value of a header: one line of printable ASCII, and not endless. */
export function headerText(text: string): string {
  const line = text.replace(/[^\x21-\x7e]+/g, ' ').trim();
  return line.length > MAX_CHARACTERS ? `${line.slice(0, MAX_CHARACTERS - 3)}...` : line;
}
