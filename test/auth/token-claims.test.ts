import { PrincipalSchema } from '@tasktrail/contract';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  admitsAnyGoogleAccount,
  type ClaimRules,
  judgeClaims,
} from '../../src/auth/token-claims.ts';

const NOW_SECONDS = 1_795_211_160;
const CLIENT_ID = 'dashboard.apps.googleusercontent.com';
const OPEN: ClaimRules = { clientIds: ['other', CLIENT_ID], allowedDomains: [], allowedEmails: [] };

const CLAIMS = {
  iss: 'https://accounts.google.com',
  aud: CLIENT_ID,
  sub: '108204268033311374519',
  hd: 'example.com',
  email: 'ana@example.com',
  email_verified: true,
  nbf: NOW_SECONDS - 300,
  iat: NOW_SECONDS,
  exp: NOW_SECONDS + 3600,
};

function judge(changes: object = {}, rules: Partial<ClaimRules> = {}, nowMs = NOW_SECONDS * 1000) {
  return judgeClaims({ ...CLAIMS, ...changes }, { ...OPEN, ...rules }, nowMs);
}

const accepted = (identity = 'google:ana@example.com') => ({
  kind: 'accepted',
  identity,
  expiresAtMs: (NOW_SECONDS + 3600) * 1000,
});
const unauthorized = (reason: string) => ({ kind: 'unauthorized', reason });
const forbidden = (identity = 'google:ana@example.com') => ({ kind: 'forbidden', identity });
const BY_ACCOUNT = `google-sub:${CLAIMS.sub}`;

describe('issuer and audience', () => {
  test.each(['accounts.google.com', 'https://accounts.google.com'])('%s may issue', (iss) => {
    expect(judge({ iss })).toEqual(accepted());
  });

  test.each(['', 'Accounts.google.com', 'http://accounts.google.com', 'accounts.google.com/'])(
    '"%s" may not',
    (iss) => {
      expect(judge({ iss })).toEqual(unauthorized('wrong_issuer'));
    },
  );

  test.each(['', 'dashboard', CLIENT_ID.toUpperCase()])('a token for "%s" is refused', (aud) => {
    expect(judge({ aud })).toEqual(unauthorized('wrong_audience'));
  });

  test('a token is for any one of the client ids', () => {
    expect(judge({ aud: 'other' })).toEqual(accepted());
  });
});

describe('times', () => {
  test('a token is valid until the millisecond before exp, and not at exp', () => {
    const expMs = CLAIMS.exp * 1000;
    expect(judge({}, {}, expMs - 1)).toEqual(accepted());
    expect(judge({}, {}, expMs)).toEqual(unauthorized('expired'));
    expect(judge({}, {}, expMs + 1000)).toEqual(unauthorized('expired'));
  });

  test('nbf may be 60 s ahead', () => {
    expect(judge({ nbf: NOW_SECONDS + 59 })).toEqual(accepted());
    expect(judge({ nbf: NOW_SECONDS + 60 })).toEqual(accepted());
    expect(judge({ nbf: NOW_SECONDS + 61 })).toEqual(unauthorized('not_yet_valid'));
  });

  test('nbf may be missing', () => {
    expect(judge({ nbf: undefined })).toEqual(accepted());
  });

  test('iat may be 300 s ahead', () => {
    expect(judge({ iat: NOW_SECONDS + 300 })).toEqual(accepted());
    expect(judge({ iat: NOW_SECONDS + 301 })).toEqual(unauthorized('not_yet_valid'));
  });

  test('a token that lives for a day or more is none of Google', () => {
    expect(judge({ exp: NOW_SECONDS + 86_399 })).toMatchObject({ kind: 'accepted' });
    expect(judge({ exp: NOW_SECONDS + 86_400 })).toEqual(unauthorized('malformed'));
  });
});

describe('identity', () => {
  test('is the address in lower case', () => {
    expect(judge({ email: 'Ana@Example.COM' })).toEqual(accepted());
  });

  test.each([true, 'true'])('is the address when email_verified is %j', (email_verified) => {
    expect(judge({ email_verified })).toEqual(accepted());
  });

  test.each([false, 'false', undefined])('is the account when it is %j', (email_verified) => {
    expect(judge({ email_verified })).toEqual(accepted(BY_ACCOUNT));
  });

  test('is the account when there is no address', () => {
    expect(judge({ email: undefined })).toEqual(accepted(BY_ACCOUNT));
  });

  test.each([undefined, ''])('needs a subject, also beside an address: %j', (sub) => {
    expect(judge({ sub })).toEqual(unauthorized('no_subject'));
  });
});

describe('who may sign in', () => {
  const domains = { allowedDomains: ['Example.com', 'second.example'] };
  const emails = { allowedEmails: ['Ana@Example.com'] };

  test('everybody, where no list is configured; and a function says so', () => {
    expect(judge({ hd: undefined, email: 'eve@mail.example' })).toMatchObject({ kind: 'accepted' });
    expect(admitsAnyGoogleAccount(OPEN)).toBe(true);
    expect(admitsAnyGoogleAccount({ ...OPEN, ...domains })).toBe(false);
    expect(admitsAnyGoogleAccount({ ...OPEN, ...emails })).toBe(false);
  });

  test.each(['example.com', 'EXAMPLE.COM', 'second.example'])('members of hd %s', (hd) => {
    expect(judge({ hd }, domains)).toEqual(accepted());
  });

  test.each([undefined, '', 'other.example', 'team.example.com', 'notexample.com', 'com'])(
    'nobody of hd %j',
    (hd) => {
      expect(judge({ hd }, domains)).toEqual(forbidden());
    },
  );

  test('a domain counts by hd and not by the address', () => {
    expect(judge({ hd: undefined, email: 'ana@example.com' }, domains)).toEqual(forbidden());
    expect(judge({ hd: 'example.com', email: 'ana@alias.example' }, domains)).toEqual(
      accepted('google:ana@alias.example'),
    );
  });

  test('an allowed address, without case, when it is verified', () => {
    expect(judge({ email: 'ANA@example.com' }, emails)).toEqual(accepted());
    expect(judge({ email: 'ben@example.com' }, emails)).toEqual(
      forbidden('google:ben@example.com'),
    );
    expect(judge({ email_verified: false }, emails)).toEqual(forbidden(BY_ACCOUNT));
    expect(judge({ email: undefined }, emails)).toEqual(forbidden(BY_ACCOUNT));
  });

  test('whoever one of both lists names', () => {
    const both = { ...domains, allowedEmails: ['guest@mail.example'] };
    expect(judge({ hd: undefined, email: 'guest@mail.example' }, both)).toMatchObject({
      kind: 'accepted',
    });
    expect(judge({}, both)).toEqual(accepted());
    expect(judge({ hd: undefined }, both)).toEqual(forbidden());
  });

  test('nobody is forbidden whose token is not valid', () => {
    expect(judge({ hd: 'other.example', exp: 1 }, domains)).toEqual(unauthorized('expired'));
  });
});

describe('claims of any type', () => {
  test.each([
    ['iss', null],
    ['aud', [CLIENT_ID]],
    ['sub', 7],
    ['exp', String(CLAIMS.exp)],
    ['exp', undefined],
    ['exp', Number.POSITIVE_INFINITY],
    ['iat', undefined],
    ['iat', 0],
    ['nbf', null],
    ['email', 7],
    ['email', ''],
    ['email', 'ana@example.com\n'],
    ['email_verified', 'yes'],
    ['email_verified', 1],
    ['hd', ['example.com']],
  ])('are malformed: %s %j', (name, value) => {
    expect(judge({ [name]: value })).toEqual(unauthorized('malformed'));
  });

  test.each([null, undefined, 7, 'text', true, [], {}])(
    'a payload of %j is malformed',
    (payload) => {
      expect(judgeClaims(payload, OPEN, NOW_SECONDS * 1000)).toEqual(unauthorized('malformed'));
    },
  );

  test('are accepted only when every rule holds, and never throw', () => {
    const rules = { ...OPEN, allowedDomains: ['example.com'] };
    const number = fc.integer({ min: -600, max: 90_000 }).map((n) => NOW_SECONDS + n);
    const claim = (...usual: unknown[]) =>
      fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...usual) }, fc.jsonValue());
    const payload = fc.record({
      iss: claim(CLAIMS.iss),
      aud: claim(CLIENT_ID),
      sub: claim(CLAIMS.sub, ''),
      exp: fc.oneof({ weight: 9, arbitrary: number }, fc.jsonValue()),
      iat: fc.oneof({ weight: 9, arbitrary: number }, fc.jsonValue()),
      nbf: fc.oneof({ weight: 9, arbitrary: number }, fc.jsonValue()),
      email: claim('Ana@example.com', undefined),
      email_verified: claim(true, 'true', false),
      hd: claim('example.com', 'other.example'),
    });
    let acceptedCount = 0;
    fc.assert(
      fc.property(payload, (claims) => {
        const verdict = judgeClaims(claims, rules, NOW_SECONDS * 1000);
        if (verdict.kind === 'unauthorized') return;
        expect(PrincipalSchema.parse(verdict.identity)).toBe(verdict.identity);
        if (verdict.kind === 'forbidden') return;
        acceptedCount += 1;
        expect(claims).toMatchObject({ iss: CLAIMS.iss, aud: CLIENT_ID, hd: 'example.com' });
        expect(claims.exp).toBeGreaterThan(NOW_SECONDS);
        expect(claims.nbf).toBeLessThanOrEqual(NOW_SECONDS + 60);
      }),
      { numRuns: 2000 },
    );
    expect(acceptedCount).toBeGreaterThan(0);
  });
});
