import { generateKeyPairSync } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { type CredentialContents, parseCredentials } from '../../src/redis/credentials.ts';
import { Authority, type Certificate } from '../fixtures/authority.ts';

let authority: Authority;
let ours: Certificate;
let theirs: Certificate;

beforeAll(async () => {
  authority = await Authority.create('Ours');
  [ours, theirs] = await Promise.all([authority.issue(['ours']), authority.issue(['theirs'])]);
});

function parse(texts: { readonly [K in keyof CredentialContents]?: string | Buffer }) {
  const bytesOf = (text: string | Buffer | undefined) => text && Buffer.from(text);
  return parseCredentials({
    password: bytesOf(texts.password) || undefined,
    ca: bytesOf(texts.ca) || undefined,
    cert: bytesOf(texts.cert) || undefined,
    key: bytesOf(texts.key) || undefined,
  });
}

describe('a password', () => {
  test.for([
    ['secret', 'secret'],
    ['secret\n', 'secret'],
    ['secret\r\n', 'secret'],
    [' a b\t', ' a b\t'],
    ['pä$$wörd\n', 'pä$$wörd'],
  ])('%j is %j: all but the end of its line', ([text = '', password]) => {
    expect(parse({ password: text })).toEqual({
      kind: 'valid',
      credentials: { password, secureContext: undefined },
    });
  });

  test.for([
    ['\n', 'is empty'],
    ['one\ntwo', 'has more than one line'],
    ['one\n\n', 'has more than one line'],
    [Buffer.from([0xff, 0xfe]), 'is no UTF-8 text'],
  ] as const)('cannot be %j, which is said without a word of it', ([password, problem]) => {
    const parsed = parse({ password });
    expect(parsed).toEqual({
      kind: 'invalid',
      file: 'password',
      problem: expect.stringContaining(problem),
    });
    expect(JSON.stringify(parsed)).not.toMatch(/"one|two/);
  });
});

describe('certificates', () => {
  test('are one or more authorities, and a certificate with its key', () => {
    const cas = `${authority.cert}\n# another one\n${ours.cert}`;
    for (const texts of [{ ca: cas }, { cert: ours.cert, key: ours.key }, { ca: cas, ...ours }]) {
      const parsed = parse(texts);
      expect(parsed).toMatchObject({ kind: 'valid', credentials: { password: undefined } });
      expect(parsed.kind === 'valid' && parsed.credentials.secureContext).toBeDefined();
    }
  });

  test('that cannot be read are faults, not fewer authorities', () => {
    const spoilt = authority.cert.replace(/\n.{20}/, '\n!!!!!!!!!!!!!!!!!!!!');
    expect(parse({ ca: `${authority.cert}\n${spoilt}` })).toMatchObject({
      file: 'ca',
      problem: 'holds a certificate that cannot be read (number 2)',
    });
    expect(parse({ ca: 'nothing' })).toMatchObject({
      file: 'ca',
      problem: 'holds no certificate in PEM',
    });
    expect(parse({ cert: ours.key, key: ours.key })).toMatchObject({ file: 'cert' });
  });

  test('need their own key, as it is without a passphrase', () => {
    expect(parse({ cert: ours.cert, key: theirs.key })).toMatchObject({
      file: 'key',
      problem: 'is not the key of the certificate',
    });
    expect(parse({ cert: ours.cert, key: ours.cert })).toMatchObject({
      file: 'key',
      problem: 'holds no private key in PEM',
    });
    const { privateKey } = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
    });
    expect(parse({ cert: ours.cert, key: privateKey })).toMatchObject({
      file: 'key',
      problem: 'is encrypted; keep it without a passphrase',
    });
  });
});
