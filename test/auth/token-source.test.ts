import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bearerToken } from '../../src/auth/token-source.ts';

const found = (token: string) => ({ kind: 'found', token });
const refused = (reason: string) => ({ kind: 'refused', reason });

function find(headers: readonly [string, string][], queryTokens: readonly string[] = []) {
  return bearerToken({ rawHeaders: headers.flat(), queryTokens });
}

describe('the token of a request', () => {
  test('is that of the Authorization header', () => {
    expect(find([['Authorization', 'Bearer a.b-c_d.e=']])).toEqual(found('a.b-c_d.e='));
  });

  test.each(['authorization', 'AUTHORIZATION'])('is found under %s', (name) => {
    expect(find([[name, 'Bearer a.b.c']])).toEqual(found('a.b.c'));
  });

  test.each(['bearer a', 'BEARER a', 'Bearer   a', ' Bearer a '])('is found in "%s"', (value) => {
    expect(find([['Authorization', value]])).toEqual(found('a'));
  });

  test('is that of the query where there is no header', () => {
    expect(find([['Accept', 'Bearer x']], ['a.b.c'])).toEqual(found('a.b.c'));
  });

  test('is that of the header where both are there, whatever the query holds', () => {
    expect(find([['Authorization', 'Bearer a']], ['b'])).toEqual(found('a'));
    expect(find([['Authorization', 'Bearer a']], ['b', 'c'])).toEqual(found('a'));
    expect(find([['Authorization', 'Bearer a b']], ['c'])).toEqual(refused('malformed'));
  });

  test.each(['Basic dTpw', 'Digest x="Bearer a"', 'Bearerish a', ''])(
    'is not looked for in a header of another scheme: "%s"',
    (value) => {
      expect(find([['Authorization', value]])).toEqual(refused('no_token'));
      expect(find([['Authorization', value]], ['a'])).toEqual(found('a'));
    },
  );

  test('is not looked for under a name that is the value of another header', () => {
    const headers: [string, string][] = [
      ['X-Note', 'authorization'],
      ['Bearer', 'a'],
    ];
    expect(find(headers)).toEqual(refused('no_token'));
  });

  test('is missing where there is neither header nor query', () => {
    expect(find([])).toEqual(refused('no_token'));
    expect(find([], [''])).toEqual(refused('no_token'));
  });

  test('is refused where there are several headers, though they be equal', () => {
    const twice: [string, string][] = [
      ['Authorization', 'Bearer a'],
      ['authorization', 'Bearer a'],
    ];
    expect(find(twice)).toEqual(refused('several_tokens'));
    expect(find(twice, ['a'])).toEqual(refused('several_tokens'));
    expect(
      find([
        ['Authorization', 'Basic dTpw'],
        ['Authorization', 'Bearer a'],
      ]),
    ).toEqual(refused('several_tokens'));
  });

  test('is refused where the query has several', () => {
    expect(find([], ['a', 'a'])).toEqual(refused('several_tokens'));
    expect(find([], ['', 'a'])).toEqual(refused('several_tokens'));
  });

  test.each(['a,b', 'a, Bearer b'])('is refused where commas join several: "%s"', (value) => {
    expect(find([['Authorization', `Bearer ${value}`]])).toEqual(refused('several_tokens'));
    expect(find([], [value])).toEqual(refused('several_tokens'));
  });

  test.each(['a b', 'a\tb', 'ä', 'a=b', '"a"', 'a%20b'])('is malformed as "%s"', (value) => {
    expect(find([['Authorization', `Bearer ${value}`]])).toEqual(refused('malformed'));
    expect(find([], [value])).toEqual(refused('malformed'));
  });

  test('is malformed where the scheme stands alone', () => {
    expect(find([['Authorization', 'Bearer']])).toEqual(refused('malformed'));
    expect(find([['Authorization', 'Bearer  ']], ['a'])).toEqual(refused('malformed'));
  });

  test('is never anything but one run of token characters', () => {
    const value = fc.oneof(
      fc.string(),
      fc.string().map((text) => `Bearer ${text}`),
    );
    fc.assert(
      fc.property(
        fc.array(value, { maxLength: 2 }),
        fc.array(fc.string()),
        (values, queryTokens) => {
          const rawHeaders = values.flatMap((text) => ['Authorization', text]);
          const finding = bearerToken({ rawHeaders, queryTokens });
          if (finding.kind === 'found') expect(finding.token).toMatch(/^[\w\-.~+/]+=*$/);
        },
      ),
    );
  });
});
