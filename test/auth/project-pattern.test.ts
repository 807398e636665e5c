import { ProjectSchema } from '@tasktrail/contract';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ParsedPattern, parseProjectPattern } from '../../src/auth/project-pattern.ts';

function pattern(text: string) {
  const parsed = parseProjectPattern(text);
  if (parsed.kind === 'invalid') expect.fail(parsed.problem);
  return parsed.pattern;
}

function problemOf(parsed: ParsedPattern): string | undefined {
  return parsed.kind === 'invalid' ? parsed.problem : undefined;
}

const MATCHES: [string, readonly string[], readonly string[]][] = [
  ['acme/shop', ['acme/shop'], ['acme/shops', 'acme/sho', 'acme/shop/web', 'x/acme/shop']],
  ['acme/shop', [], ['Acme/shop', 'acme/Shop']],
  ['acme/*', ['acme/shop', 'acme/a', 'acme/*'], ['acme/shop/web', 'acmes/shop', 'x/acme/shop']],
  ['*/shop', ['acme/shop', 'x/shop'], ['acme/x/shop', 'acme/shops']],
  ['acme/shop-*', ['acme/shop-', 'acme/shop-web'], ['acme/shop', 'acme/shop-web/x']],
  ['acme/*-web', ['acme/shop-web', 'acme/-web', 'acme/a-web-web'], ['acme/web', 'acme/a-webs']],
  ['acme/a*b*c', ['acme/abc', 'acme/aXbYc', 'acme/abbcbc'], ['acme/acb', 'acme/abcd']],
  ['a*/b', ['a/b', 'acme/b'], ['b/b', 'a/x/b']],
  ['acme/**', ['acme/shop', 'acme/shop/web', 'acme/a/b/c/d'], ['acmes/shop', 'x/acme/shop']],
  ['**/shop', ['acme/shop', 'a/b/shop'], ['shop/acme', 'acme/shops']],
  ['acme/**/web', ['acme/shop/web', 'acme/a/b/web', 'acme/web/web'], ['acme/web', 'acme/web/x']],
  ['**/x/**', ['a/x/b', 'a/b/x/c/d', 'x/x/x'], ['x/b', 'a/x', 'a/b/c']],
  ['**', ['acme/shop', 'a/b/c/d/e'], []],
  ['a.c/x', ['a.c/x'], ['abc/x']],
  ['a+(b)[c]?/x', ['a+(b)[c]?/x'], ['aab/x']],
  ['größe/*', ['größe/näher'], ['grosse/x']],
];

describe('a pattern', () => {
  test.each(MATCHES)('%s matches %j and not %j', (text, matching, others) => {
    for (const project of matching) expect(pattern(text).matches(project), project).toBe(true);
    for (const project of others) expect(pattern(text).matches(project), project).toBe(false);
  });

  test.each(['**', '**/**', '*/**', '**/*'])('%s matches whatever project there may be', (text) => {
    expect(pattern(text).matchesAll).toBe(true);
  });

  test.each(['*/*', 'acme/**', '**/shop', '*a/**', '**/**/**', '*/*/**', '*/**/*'])(
    '%s does not',
    (text) => {
      expect(pattern(text).matchesAll).toBe(false);
    },
  );

  test('is no pattern of every project when it is a lone star', () => {
    expect(parseProjectPattern('*')).toEqual({
      kind: 'invalid',
      problem: 'must be ** to mean every project',
    });
  });

  test.each(['a**/b', 'acme/**b', 'acme/***', '***', '****', 'a/b**c'])(
    '%s is refused: ** is a part by itself',
    (text) => {
      expect(problemOf(parseProjectPattern(text))).toBe(
        'must have ** only as a whole part, as in houlak/**',
      );
    },
  );

  test.each([
    ['', 'printable characters'],
    ['acme', 'owner/repo'],
    ['acme*', 'owner/repo'],
    ['/acme', 'owner/repo'],
    ['acme/', 'owner/repo'],
    ['acme//shop', 'owner/repo'],
    ['**/', 'owner/repo'],
    ['acme/my shop', 'printable characters'],
    [' acme/shop', 'printable characters'],
    ['acme/shop\n', 'printable characters'],
    ['acme/\ud800', 'printable characters'],
    [`acme/${'x'.repeat(196)}`, 'at most 200'],
    [`**/${'*/'.repeat(99)}xx`, 'at most 200'],
  ])('"%s" is refused, since it can match no project', (text, reason) => {
    const problem = problemOf(parseProjectPattern(text));
    expect(problem).toMatch(/^can match no project, which must be .*; write such as houlak\/\*/);
    expect(problem).toContain(reason);
  });

  test('may be as long as a project, and longer by its stars', () => {
    const longest = `acme/${'x'.repeat(195)}`;
    expect(pattern(longest).matches(longest)).toBe(true);
    expect(pattern(`*acme*/*${'x*'.repeat(195)}`).matches(longest)).toBe(true);
  });
});

/** The rules once more, by trying everything. */
function naivelyMatches(parts: readonly string[], project: readonly string[]): boolean {
  const [part, ...rest] = parts;
  if (part === undefined) return project.length === 0;
  if (project.length === 0) return false;
  if (part !== '**') {
    return naivelyFits(part, project[0]!) && naivelyMatches(rest, project.slice(1));
  }
  return project.some((_, index) => naivelyMatches(rest, project.slice(index + 1)));
}

function naivelyFits(part: string, text: string): boolean {
  if (part === '') return text === '';
  if (part[0] !== '*') return part[0] === text[0] && naivelyFits(part.slice(1), text.slice(1));
  return Array.from({ length: text.length + 1 }, (_, index) => index).some((index) =>
    naivelyFits(part.slice(1), text.slice(index)),
  );
}

const fewLetters = (letters: string) =>
  fc
    .array(fc.constantFrom(...letters), { minLength: 1, maxLength: 5 })
    .map((all) => all.join('').replace(/\*+/g, '*'));
const project = fc
  .array(fewLetters('ab'), { minLength: 2, maxLength: 6 })
  .map((parts) => parts.join('/'));
const anyPattern = fc
  .array(fc.oneof(fewLetters('ab*'), fc.constantFrom('*', '**')), { minLength: 1, maxLength: 6 })
  .map((parts) => parts.join('/'));

describe('matching', () => {
  test('is what trying everything finds', () => {
    let matched = 0;
    fc.assert(
      fc.property(anyPattern, project, (text, other) => {
        const parsed = parseProjectPattern(text);
        fc.pre(parsed.kind === 'valid');
        const expected = naivelyMatches(text.split('/'), other.split('/'));
        expect(parsed.pattern.matches(other)).toBe(expected);
        if (parsed.pattern.matchesAll) expect(expected).toBe(true);
        matched += Number(expected);
      }),
      { numRuns: 5000 },
    );
    expect(matched).toBeGreaterThan(100);
  });

  test('of a pattern with one star or none is equality, or a beginning and an end', () => {
    fc.assert(
      fc.property(project, fc.nat(), fc.nat(), (text, from, to) => {
        expect(pattern(text).matches(text)).toBe(true);
        const [owner = '', ...rest] = text.split('/');
        const start = from % (owner.length + 1);
        const end = start + (to % (owner.length - start + 1));
        const starred = [`${owner.slice(0, start)}*${owner.slice(end)}`, ...rest].join('/');
        expect(pattern(starred).matches(text)).toBe(true);
      }),
    );
  });

  test('takes no time for what costs a backtracking matcher centuries', () => {
    const stars = pattern(`acme/${'a*'.repeat(97)}b`);
    expect(stars.matches(`acme/${'a'.repeat(195)}`)).toBe(false);
    const runs = pattern(`${'**/a/'.repeat(49)}b`);
    expect(runs.matches(`${'a/'.repeat(99)}a`)).toBe(false);
  });

  test('is asked of any text without a failure', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (text, other) => {
        const parsed = parseProjectPattern(text);
        if (parsed.kind === 'valid') parsed.pattern.matches(other);
        else expect(parsed.problem).not.toBe('');
      }),
    );
  });

  test('without stars is of one project', () => {
    fc.assert(
      fc.property(project, project, (text, other) => {
        expect(ProjectSchema.safeParse(text).success).toBe(true);
        expect(pattern(text).matches(other)).toBe(text === other);
      }),
    );
  });
});
