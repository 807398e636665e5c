import { existsSync, globSync, readFileSync } from 'node:fs';
import { ERROR_CODES, FRAME_SCHEMAS, INVALID_REASONS, REFUSAL_REASONS } from '@tasktrail/contract';
import { expect, test } from 'vitest';
import { SETTINGS, type Setting } from '../../config/settings.ts';
import { STATUS_OF } from '../../src/http/error-answer.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const documents = ['README.md', 'PROTOCOL.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md'];

test('the README has every environment variable with its default and meaning', () => {
  const expected = Object.entries(SETTINGS as Record<string, Setting>).map(
    ([name, { fallback, unit, description }]) => {
      const value = fallback ? [fallback, unit].filter(Boolean).join(' ') : '';
      return `| \`${name}\` | ${value} | ${description} |`;
    },
  );
  const table = read('README.md')
    .split('\n')
    .filter((line) => /^\| `[A-Z_0-9]+` \|/.test(line));
  expect(table).toEqual(expected);
});

test('PROTOCOL.md has every error code with its status', () => {
  const protocol = read('PROTOCOL.md');
  for (const code of Object.keys(ERROR_CODES) as (keyof typeof ERROR_CODES)[]) {
    expect(protocol).toContain(`| \`${code}\` | ${STATUS_OF[code]} |`);
  }
});

test('PROTOCOL.md has every frame, and every reason in a frame, of a refusal and of the quarantine', () => {
  const protocol = read('PROTOCOL.md');
  const reasons = [
    ...FRAME_SCHEMAS.snapshot_refresh_required.shape.reason.options,
    ...FRAME_SCHEMAS.reconnect.shape.reason.options,
    ...INVALID_REASONS,
    ...Object.keys(FRAME_SCHEMAS),
  ];
  for (const reason of reasons) expect(protocol).toContain(`| \`${reason}\` |`);
  for (const reason of FRAME_SCHEMAS.task_removed.shape.reason.options) {
    expect(protocol).toContain(`\`${reason}\``);
  }
  const refusals = protocol.split('| refusal reason |')[1] ?? '';
  for (const reason of REFUSAL_REASONS) expect(refusals).toContain(`\`${reason}\``);
});

test('ARCHITECTURE.md names a test for each invariant, and each is there', () => {
  const rows = read('ARCHITECTURE.md')
    .split('\n')
    .filter((line) => /^\| \d+ \| .* \| .* \| .* \|$/.test(line));
  expect(rows).toHaveLength(10);
  for (const row of rows) {
    const tests = [...row.matchAll(/`(test\/[^`]+)`/g)].map(([, path]) => path ?? '');
    expect(tests, row).not.toHaveLength(0);
    for (const path of tests)
      expect(existsSync(new URL(`../../${path}`, import.meta.url))).toBe(true);
  }
});

test('every file that a document names is there', () => {
  for (const document of documents) {
    const named = [
      ...read(document).matchAll(/`((?:src|packages|config|bench|scripts)\/[\w./-]+)`/g),
    ];
    for (const [, path = ''] of named) {
      const found = globSync(path, { cwd: new URL('../..', import.meta.url).pathname });
      expect(found, `${document} names ${path}`).not.toHaveLength(0);
    }
  }
});

test('every link from one document to another leads somewhere', () => {
  for (const document of documents) {
    const links = [...read(document).matchAll(/\]\(([^)#:]+)(?:#([^)]+))?\)/g)];
    for (const [, path = '', anchor] of links) {
      const target = read(path);
      if (anchor === undefined) continue;
      const headings = [...target.matchAll(/^#+ (.+)$/gm)].map(([, text = '']) =>
        text
          .toLowerCase()
          .replaceAll(/[^\w -]/g, '')
          .replaceAll(' ', '-'),
      );
      expect(headings, `${document} → ${path}`).toContain(anchor);
    }
  }
});
