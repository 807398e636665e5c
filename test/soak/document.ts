/** The document lacks the place where figures are written. */
export class NoSectionError extends Error {
  override readonly name = 'NoSectionError';

  constructor(section: string) {
    const [begin, end] = markersOf(section);
    super(
      `the document has no place for the ${section}: put the lines ${begin} and ${end} into it`,
    );
  }
}

/**
 * A document with a section written anew, between the two comments that mark it. What people wrote
 * around it stays.
 *
 * @throws NoSectionError when the comments are not there
 */
export function withSection(document: string, section: string, text: string): string {
  const [begin, end] = markersOf(section);
  const from = document.indexOf(begin);
  const to = document.indexOf(end, from);
  if (from === -1 || to === -1) throw new NoSectionError(section);
  return `${document.slice(0, from + begin.length)}\n\n${text.trim()}\n\n${document.slice(to)}`;
}

export interface Column {
  readonly name: string;
  readonly align?: 'right';
}

/** A table in Markdown; a bar within a cell does not end it. */
export function tableOf(
  columns: readonly Column[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const line = (cells: readonly (string | number)[]) =>
    `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  return [
    line(columns.map(({ name }) => name)),
    `|${columns.map(({ align }) => (align === 'right' ? '---:' : '---')).join('|')}|`,
    ...rows.map(line),
  ].join('\n');
}

function markersOf(section: string): [begin: string, end: string] {
  return [`<!-- ${section}: begin (generated) -->`, `<!-- ${section}: end -->`];
}
