import { PrincipalSchema } from '@tasktrail/contract';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ClaimRules, judgeClaims } from '../../src/auth/token-claims.ts';

const NOW_SECONDS = 1_795_211_160;
const CLIENT_ID = 'dashboard.apps.googleusercontent.com';
const RULES: ClaimRules = { clientIds: ['other', CLIENT_ID] };

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

function judge(changes: object = {}, nowMs = NOW_SECONDS * 1000) {
  return judgeClaims({ ...CLAIMS, ...changes }, RULES, nowMs);
}

const accepted = (
  identity = 'google:ana@example.com',
  domain: string | undefined = 'example.com',
) => ({
  kind: 'accepted',
  claims: { identity, domain, expiresAtMs: (NOW_SECONDS + 3600) * 1000 },
});
const unauthorized = (reason: string) => ({ kind: 'unauthorized', reason });
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
    expect(judge({}, expMs - 1)).toEqual(accepted());
    expect(judge({}, expMs)).toEqual(unauthorized('expired'));
    expect(judge({}, expMs + 1000)).toEqual(unauthorized('expired'));
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

  test('is not the address of somebody else whose letters only fold into it', () => {
    const letters = Array.from({ length: 0x110000 }, (_, code) => code)
      .filter((code) => code > 0x7f && (code < 0xd800 || code > 0xdfff))
      .map((code) => String.fromCodePoint(code));
    const folding = letters.filter((letter) => /[\x20-\x7f]/.test(letter.toLowerCase()));
    expect(folding).toEqual(['\u0130', '\u212a']);
    for (const letter of folding) {
      expect(judge({ email: `ana${letter}@example.com` })).toEqual(accepted(BY_ACCOUNT));
      expect(judge({ hd: `example.com${letter}` })).toMatchObject({
        claims: { domain: undefined },
      });
    }
    // Letters that only look alike are others, and stay so.
    expect(judge({ email: '\u0430na@example.com' })).toEqual(
      accepted('google:\u0430na@example.com'),
    );
    expect(judge({ email: '\uff41na@example.com' })).toEqual(
      accepted('google:\uff41na@example.com'),
    );
  });

  test.each([undefined, ''])('needs a subject, also beside an address: %j', (sub) => {
    expect(judge({ sub })).toEqual(unauthorized('no_subject'));
  });
});

describe('the domain', () => {
  test('is what hd says, in lower case, and nothing that the address says', () => {
    expect(judge({ hd: 'EXAMPLE.com' })).toEqual(accepted());
    expect(judge({ hd: undefined })).toMatchObject({ claims: { domain: undefined } });
    expect(judge({ hd: 'example.com', email: 'ana@alias.example' })).toEqual(
      accepted('google:ana@alias.example'),
    );
  });

  test.each(['example.com.', ' example.com', 'example.com\0', 'team.example.com', 'example.com,x'])(
    'is no other one for looking like it: %j',
    (hd) => {
      expect(judge({ hd })).toMatchObject({ claims: { domain: hd } });
    },
  );
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
      expect(judgeClaims(payload, RULES, NOW_SECONDS * 1000)).toEqual(unauthorized('malformed'));
    },
  );

  test('are accepted only when every rule holds, and never throw', () => {
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
        const verdict = judgeClaims(claims, RULES, NOW_SECONDS * 1000);
        if (verdict.kind === 'unauthorized') return;
        const { identity, domain } = verdict.claims;
        expect(PrincipalSchema.parse(identity)).toBe(identity);
        if (domain !== undefined) expect(domain).toBe(String(claims.hd).toLowerCase());
        acceptedCount += 1;
        expect(claims).toMatchObject({ iss: CLAIMS.iss, aud: CLIENT_ID });
        expect(claims.exp).toBeGreaterThan(NOW_SECONDS);
        expect(claims.nbf).toBeLessThanOrEqual(NOW_SECONDS + 60);
      }),
      { numRuns: 2000 },
    );
    expect(acceptedCount).toBeGreaterThan(0);
  });
});
