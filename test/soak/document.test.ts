import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { NoSectionError, tableOf, withSection } from './document.ts';
import { FIGURE_NAMES, figureOf } from './figures.ts';

const DOCUMENT = `# Title

<!-- soak: begin (generated) -->
old
<!-- soak: end -->

words

<!-- oracle: begin (generated) -->
<!-- oracle: end -->
`;

describe('a section', () => {
  test('replaces what was there before, and nothing around it', () => {
    expect(withSection(DOCUMENT, 'soak', 'new\n')).toBe(
      DOCUMENT.replace('-->\nold\n<!--', '-->\n\nnew\n\n<!--'),
    );
  });

  test('written twice is there once', () => {
    const once = withSection(DOCUMENT, 'oracle', 'figures');
    expect(withSection(once, 'oracle', 'figures')).toBe(once);
    expect(withSection(withSection(DOCUMENT, 'oracle', 'other'), 'oracle', 'figures')).toBe(once);
  });

  test('is put down as it is, whatever is in it', () => {
    expect(withSection(DOCUMENT, 'soak', "$& $1 $'")).toContain("\n\n$& $1 $'\n\n");
  });

  test('without a place in the document says what the place looks like', () => {
    expect(() => withSection('# Title', 'soak', 'new')).toThrow(NoSectionError);
    expect(() => withSection('# Title', 'soak', 'new')).toThrow('<!-- soak: end -->');
  });
});

test('a table has a line a row, and a bar does not end a cell', () => {
  const columns = [{ name: 'what' }, { name: 'how many', align: 'right' as const }];
  expect(tableOf(columns, [['a|b', 3]])).toBe('| what | how many |\n|---|---:|\n| a\\|b | 3 |');
});

describe('docs/reliability.md', () => {
  const document = readFileSync(new URL('../../docs/reliability.md', import.meta.url), 'utf8');

  test('states the rule of every figure as it is', () => {
    for (const { title, unit, growth, return: left } of FIGURE_NAMES.map(figureOf)) {
      const by = growth?.by ?? 'not judged';
      const more = growth && `${growth.share * 100} % and ${growth.absolute} ${unit}`;
      const rest = left && `${left.absolute} more than before`;
      expect(document).toContain(`\n| ${title} | ${by} | ${more ?? ''} | ${rest ?? ''} |\n`);
    }
  });

  test('has a place for what is written into it', () => {
    for (const section of ['soak', 'oracle']) {
      expect(withSection(document, section, 'figures')).toContain('\n\nfigures\n\n');
    }
  });
});
