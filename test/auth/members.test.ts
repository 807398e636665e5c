import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { Members, parseMembers, readMembers } from '../../src/auth/members.ts';
import { admitsAnyGoogleAccount } from '../../src/auth/token-claims.ts';

const EXAMPLE = fileURLToPath(new URL('../../config/members.json', import.meta.url));
const NONE = { allowedDomains: [], allowedEmails: [], admins: [] };
const domains = { allowedDomains: ['Example.com', 'second.example'] };
const emails = { allowedEmails: ['Ana@Example.com'] };
const ANA = 'google:ana@example.com';

const admits = (lists: object, domain: string | undefined, identity = ANA) =>
  new Members({ ...NONE, ...lists }).admits({ identity, domain });

describe('who may sign in', () => {
  test('is everybody only where there is no list at all, and a function says so', () => {
    expect(admitsAnyGoogleAccount(NONE)).toBe(true);
    expect(admitsAnyGoogleAccount({ ...NONE, ...domains })).toBe(false);
    expect(admitsAnyGoogleAccount({ ...NONE, ...emails })).toBe(false);
    expect(admitsAnyGoogleAccount({ ...NONE, membersPath: 'members.json' })).toBe(false);
    expect(admits({}, 'example.com')).toBe(false);
  });

  test.each(['example.com', 'second.example'])('are members of the domain %s', (domain) => {
    expect(admits(domains, domain)).toBe(true);
  });

  test.each([undefined, '', 'other.example', 'team.example.com', 'notexample.com', 'com'])(
    'is nobody of the domain %j, whatever the address',
    (domain) => {
      expect(admits(domains, domain)).toBe(false);
    },
  );

  test('is whose verified address is listed, without case', () => {
    expect(admits(emails, undefined)).toBe(true);
    expect(admits(emails, 'other.example')).toBe(true);
    expect(admits(emails, undefined, 'google:ben@example.com')).toBe(false);
    expect(admits(emails, undefined, 'google-sub:ana@example.com')).toBe(false);
  });

  test('is whom one of both lists names', () => {
    const both = { ...domains, allowedEmails: ['guest@mail.example'] };
    expect(admits(both, undefined, 'google:guest@mail.example')).toBe(true);
    expect(admits(both, 'example.com')).toBe(true);
    expect(admits(both, undefined)).toBe(false);
  });

  test('is no administrator for being one', () => {
    const members = new Members({ ...NONE, admins: ['google:Ana@example.com', 'slack:U1'] });
    expect(members.hasAdmin(new Set([ANA]))).toBe(true);
    expect(members.hasAdmin(new Set(['google:ben@example.com', 'slack:U1']))).toBe(true);
    expect(members.hasAdmin(new Set(['slack:u1']))).toBe(false);
    expect(members.admits({ identity: ANA })).toBe(false);
  });
});

describe('the members file', () => {
  test('has three lists, as the example in config/, each of which may be left out', async () => {
    expect((await readMembers(EXAMPLE)).lists).toEqual({
      allowedDomains: ['example.com'],
      allowedEmails: ['guest@example.org'],
      admins: [ANA],
    });
    const parsed = parseMembers('{"admins":["google:ANA@example.com"]}');
    expect(parsed).toMatchObject({ kind: 'valid', value: { lists: { ...NONE, admins: [ANA] } } });
    expect(parseMembers('{}').kind).toBe('valid');
  });

  test.each(['', 'null', '[]', '{"domains":"example.com"}', '{"__proto__":{},"domain":[]}'])(
    'is not %j',
    (text) => {
      expect(parseMembers(text).kind).toBe('invalid');
    },
  );
});
