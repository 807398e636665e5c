import { X509Certificate } from 'node:crypto';
import { OAuth2Client } from 'google-auth-library';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CertificatesUnavailableError } from '../../src/auth/auth.ts';
import { REFETCH_AFTER_MS } from '../../src/auth/certificate-policy.ts';
import { Certificates } from '../../src/auth/certificates.ts';
import { GoogleVerifier } from '../../src/auth/google-verifier.ts';
import { digestOf, TokenCache, type VerifiedToken } from '../../src/auth/token-cache.ts';
import { useGoogle } from '../fixtures/google.ts';

const MAX_AGE_MS = 600_000;
const google = useGoogle({ maxAgeSeconds: MAX_AGE_MS / 1000 });
const START_MS = google.clockMs;
const certificateOf = () => google.standIn.signingKey.certificate;

const signatures = vi.spyOn(OAuth2Client.prototype, 'verifySignedJwtWithCertsAsync');
let verifier: GoogleVerifier;

beforeEach(() => {
  verifier = newVerifier();
  signatures.mockClear();
});

afterEach(() => {
  google.clockMs = START_MS;
  google.standIn.behaviour = 'answer';
  vi.useRealTimers();
});

function newVerifier(type = Certificates): GoogleVerifier {
  const certificates = new type({ url: google.standIn.certsUrl, now: google.now });
  return new GoogleVerifier(google.authOptions(), certificates, google.now);
}

const expectAccepted = (token: string) =>
  expect(verifier.verify(token)).resolves.toMatchObject({ identity: 'google:ana@example.com' });
const expectRefused = (token: string, reason: string) =>
  expect(verifier.verify(token)).rejects.toMatchObject({ name: 'UnauthorizedError', reason });

describe('a token that was verified before', () => {
  test('costs no further signature, and says the same again', async () => {
    const token = google.standIn.sign();
    const first = await verifier.verify(token);
    for (let n = 0; n < 5; n += 1) expect(await verifier.verify(token)).toEqual(first);
    expect(signatures).toHaveBeenCalledTimes(1);
  });

  test('is another one when a single character is', async () => {
    const token = google.standIn.sign();
    await expectAccepted(token);
    const at = token.length - 3;
    const changed = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
    await expectRefused(changed, 'bad_signature');
    await expectAccepted(token);
    expect(signatures).toHaveBeenCalledTimes(2);
  });

  test('is refused from the moment in which it expires', async () => {
    const token = google.standIn.sign({ exp: google.nowSeconds + 2 });
    await expectAccepted(token);
    google.clockMs += 1999;
    await expectAccepted(token);
    google.clockMs += 1;
    await expectRefused(token, 'expired');
  });

  test('is judged again when the clock went back behind that', async () => {
    const token = google.standIn.sign({ nbf: google.nowSeconds });
    await expectAccepted(token);
    google.clockMs -= 61_000;
    await expectRefused(token, 'not_yet_valid');
  });

  test('is refused when its key is withdrawn, no later than any other token', async () => {
    const token = google.standIn.sign();
    await expectAccepted(token);
    await google.standIn.rotate();
    await google.standIn.rotate();
    google.clockMs += MAX_AGE_MS - 1;
    await expectAccepted(token);
    google.clockMs += 1;
    await expectRefused(token, 'unknown_key');
  });

  test('is refused when a token of another key has shown that its own is withdrawn', async () => {
    const token = google.standIn.sign();
    await expectAccepted(token);
    await google.standIn.rotate();
    await google.standIn.rotate();
    google.clockMs += REFETCH_AFTER_MS;
    await expectAccepted(google.standIn.sign());
    await expectRefused(token, 'unknown_key');
  });

  test('is judged again where its key id has another certificate', async () => {
    const token = google.standIn.sign();
    let pem = certificateOf();
    class Changing extends Certificates {
      override find = async () => pem;
    }
    verifier = newVerifier(Changing);
    await expectAccepted(token);
    await google.standIn.rotate();
    pem = certificateOf();
    await expectRefused(token, 'bad_signature');
  });

  test('outlives an outage of the source, but not the certificate of its key', async () => {
    const endMs = new X509Certificate(certificateOf()).validToDate.getTime();
    google.clockMs = endMs - MAX_AGE_MS;
    // google-auth-library goes by the clock of the machine.
    vi.useFakeTimers({ toFake: ['Date'], now: google.clockMs });
    const token = google.standIn.sign();
    await expectAccepted(token);
    google.standIn.behaviour = 'fail';
    google.clockMs = endMs - 1;
    await expectAccepted(token);
    google.clockMs = endMs;
    await expect(verifier.verify(token)).rejects.toBeInstanceOf(CertificatesUnavailableError);
  });

  test('is none that was refused: such a one is judged anew each time', async () => {
    const token = google.standIn.sign({ nbf: google.nowSeconds + 61 });
    await expectRefused(token, 'not_yet_valid');
    google.clockMs += 1000;
    await expectAccepted(token);
  });
});

describe('the tokens that are kept', () => {
  const token = (expiresAtMs = START_MS + 1000): VerifiedToken => ({
    claims: { identity: 'google:ana@example.com', expiresAtMs },
    keyId: 'key',
    pem: 'PEM',
    verifiedAtMs: START_MS,
  });

  test('are those that were used last, and no more than the bound', () => {
    const cache = new TokenCache(3);
    for (const digest of ['a', 'b', 'c']) cache.add(digest, token());
    expect(cache.find('a', START_MS)).toBeDefined();
    cache.add('d', token());
    cache.add('d', token());
    const kept = ['a', 'b', 'c', 'd'].filter((digest) => cache.find(digest, START_MS));
    expect(kept).toEqual(['a', 'c', 'd']);
  });

  test('go when their time is over, and when they are dropped', () => {
    const cache = new TokenCache();
    cache.add('a', token());
    cache.add('b', token());
    expect(cache.find('a', START_MS + 999)).toBeDefined();
    expect(cache.find('a', START_MS + 1000)).toBeUndefined();
    expect(cache.find('a', START_MS)).toBeUndefined();
    cache.drop('b');
    expect(cache.find('b', START_MS)).toBeUndefined();
  });

  test('are known by a digest that does not hold them', () => {
    const text = google.standIn.sign();
    expect(digestOf(text)).toMatch(/^[\w+/]{43}=$/);
    expect(digestOf(text)).not.toBe(digestOf(`${text}=`));
  });
});
