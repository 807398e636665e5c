import { describe, expect, test } from 'vitest';
import { parseIdentities } from '../../src/auth/identities.ts';
import { matchOf } from '../../src/cli/identities-check.ts';

const ANYBODY = { allowedDomains: [], allowedEmails: [] };

function match(principal: string, rules: object = {}, aliases: object = {}) {
  const parsed = parseIdentities(JSON.stringify(aliases));
  if (parsed.kind === 'invalid') throw new Error(parsed.problems.join());
  return matchOf(principal, parsed.value, { ...ANYBODY, ...rules }).kind;
}

const RULES = { allowedDomains: ['Example.com'], allowedEmails: ['Guest@other.org'] };
const ALIASES = {
  'google:ana@example.com': ['slack:U1', 'github:ana'],
  'google:guest@other.org': ['slack:U2'],
  'google:eve@other.org': ['slack:U3', 'github:ana'],
  'google-sub:77': ['slack:U4'],
};

describe('where anybody can sign in', () => {
  test.for([
    ['google:ana@example.com', 'matched'],
    ['google-sub:1', 'matched'],
    ['slack:U1', 'matched'],
    ['slack:U3', 'matched'],
    ['slack:U4', 'matched'],
    ['slack:U9', 'no_alias'],
    ['github:Ana', 'no_alias'],
    // A number, where a viewer has an address.
    ['google:1084', 'no_alias'],
  ])('%s is %s', ([principal = '', kind]) => {
    expect(match(principal, {}, ALIASES)).toBe(kind);
  });
});

describe('with allowed domains and addresses', () => {
  test.for([
    ['google:ana@example.com', 'matched'],
    ['google:guest@other.org', 'matched'],
    ['google:eve@other.org', 'kept_out'],
    // A subdomain is outside, and a domain that only ends so, too.
    ['google:ana@sub.example.com', 'kept_out'],
    ['google:ana@notexample.com', 'kept_out'],
    ['slack:U1', 'matched'],
    ['slack:U2', 'matched'],
    ['slack:U3', 'kept_out'],
    ['github:ana', 'matched'],
    ['slack:U4', 'matched'],
    ['slack:U9', 'no_alias'],
  ])('%s is %s', ([principal = '', kind]) => {
    expect(match(principal, RULES, ALIASES)).toBe(kind);
  });

  test('of a members file alone, nobody else is let in', () => {
    const rules = { membersPath: 'members.json' };
    expect(match('google:ana@example.com', rules)).toBe('kept_out');
    expect(match('google:ana@example.com', { ...rules, ...RULES })).toBe('matched');
  });

  test('of which only addresses are given, an account without an address is kept out', () => {
    expect(match('slack:U4', { allowedEmails: ['ana@example.com'] }, ALIASES)).toBe('kept_out');
  });
});
