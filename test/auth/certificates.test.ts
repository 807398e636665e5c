import { createPublicKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { CertificatesUnavailableError } from '../../src/auth/auth.ts';
import { REFETCH_AFTER_MS, RETRY_AFTER_MS } from '../../src/auth/certificate-policy.ts';
import { fetchCertificates, parseCertificates } from '../../src/auth/certificate-source.ts';
import { Certificates } from '../../src/auth/certificates.ts';
import { useGoogle } from '../fixtures/google.ts';

const MAX_AGE_MS = 600_000;
const google = useGoogle({ maxAgeSeconds: MAX_AGE_MS / 1000 });
const START_MS = google.clockMs;
const DAY_MS = 86_400_000;
let certificates: Certificates;
let requestsBefore = 0;

beforeEach(() => {
  certificates = newCertificates();
  requestsBefore = google.standIn.requests;
});

afterEach(() => {
  google.standIn.behaviour = 'answer';
  google.clockMs = START_MS;
});

function newCertificates(url = google.standIn.certsUrl, timeoutMs = 5000): Certificates {
  return new Certificates({ url, now: google.now, timeoutMs });
}

const lastAttemptAt = () => certificates.health().details.lastAttemptAt;
const clock = () => new Date(google.clockMs).toISOString();
const requests = () => google.standIn.requests - requestsBefore;
const knownKey = () => google.standIn.signingKey.keyId;
const knownPem = () => google.standIn.signingKey.certificate;

describe('certificates', () => {
  test('are fetched with the first token and kept as long as the source says', async () => {
    expect(requests()).toBe(0);
    expect(await certificates.find(knownKey())).toBe(knownPem());
    google.clockMs += MAX_AGE_MS - 1;
    await certificates.find(knownKey());
    expect(requests()).toBe(1);
    google.clockMs += 1;
    await certificates.find(knownKey());
    expect(requests()).toBe(2);
  });

  test('are fetched once for many who need them at once', async () => {
    const found = await Promise.all(
      Array.from({ length: 50 }, () => certificates.find(knownKey())),
    );
    expect(new Set(found)).toEqual(new Set([knownPem()]));
    expect(requests()).toBe(1);
  });

  test('are fetched again for a key that is not among them', async () => {
    await certificates.find(knownKey());
    google.clockMs += REFETCH_AFTER_MS;
    await google.standIn.rotate();
    expect(await certificates.find(knownKey())).toBe(knownPem());
    expect(requests()).toBe(2);
  });

  test('are fetched once in a while for however many unknown keys', async () => {
    await certificates.find(knownKey());
    google.clockMs += REFETCH_AFTER_MS;
    for (let n = 0; n < 100; n += 1) expect(await certificates.find(`other-${n}`)).toBeUndefined();
    expect(requests()).toBe(2);
    google.clockMs += REFETCH_AFTER_MS;
    const flood = Array.from({ length: 100 }, (_, n) => certificates.find(`other-${n}`));
    await Promise.all(flood);
    expect(requests()).toBe(3);
  });

  test('that were withdrawn are gone with the next fetch', async () => {
    const withdrawn = knownKey();
    await certificates.find(withdrawn);
    await google.standIn.rotate();
    await google.standIn.rotate();
    google.clockMs += MAX_AGE_MS;
    expect(await certificates.find(withdrawn)).toBeUndefined();
  });
});

describe('while the source is broken', () => {
  test('the last good certificates stay in force until they expire, and then prove nothing', async () => {
    await certificates.find(knownKey());
    const endMs = new X509Certificate(knownPem()).validToDate.getTime();
    google.standIn.behaviour = 'fail';
    while (google.clockMs < endMs - DAY_MS) {
      google.clockMs += DAY_MS;
      expect(await certificates.find(knownKey())).toBe(knownPem());
      await vi.waitFor(() => expect(lastAttemptAt()).toBe(clock()), { interval: 5 });
    }
    google.clockMs = endMs - 1;
    expect(await certificates.find(knownKey())).toBe(knownPem());
    expect(certificates.health()).toMatchObject({
      ready: true,
      details: {
        keys: 2,
        firstExpiresAt: new Date(endMs).toISOString(),
        lastExpiresAt: new Date(endMs).toISOString(),
        failure: 'it answered with status 500',
      },
    });
    google.clockMs = endMs;
    await expect(certificates.find(knownKey())).rejects.toBeInstanceOf(
      CertificatesUnavailableError,
    );
    expect(certificates.health()).toMatchObject({
      ready: true,
      details: { keys: 0, firstExpiresAt: null, lastExpiresAt: null },
    });
  });

  test('a known key waits for a hanging source once, and not again', async () => {
    certificates = newCertificates(google.standIn.certsUrl, 100);
    await certificates.find(knownKey());
    google.standIn.behaviour = 'hang';
    google.clockMs += MAX_AGE_MS;
    expect(await certificates.find(knownKey())).toBe(knownPem());
    expect(requests()).toBe(2);
    const failedAt = clock();
    google.clockMs += RETRY_AFTER_MS;
    expect(await certificates.find(knownKey())).toBe(knownPem());
    expect(lastAttemptAt()).toBe(failedAt);
    await vi.waitFor(() => expect(lastAttemptAt()).toBe(clock()), { interval: 5 });
    expect(requests()).toBe(3);
  });

  test('what is fetched beside comes into force when the source is back', async () => {
    await certificates.find(knownKey());
    google.standIn.behaviour = 'fail';
    google.clockMs += MAX_AGE_MS;
    await certificates.find(knownKey());
    google.standIn.behaviour = 'answer';
    google.clockMs += RETRY_AFTER_MS;
    await certificates.find(knownKey());
    await vi.waitFor(() => expect(lastAttemptAt()).toBe(clock()), { interval: 5 });
    expect(certificates.health().details).toMatchObject({ failure: null, fetchedAt: clock() });
    expect(requests()).toBe(3);
  });

  test('an unknown key cannot be judged, and asks the source once in a while', async () => {
    await certificates.find(knownKey());
    google.standIn.behaviour = 'fail';
    google.clockMs += REFETCH_AFTER_MS;
    for (let n = 0; n < 20; n += 1) {
      await expect(certificates.find('other')).rejects.toBeInstanceOf(CertificatesUnavailableError);
    }
    expect(requests()).toBe(2);
    google.clockMs += RETRY_AFTER_MS;
    await expect(certificates.find('other')).rejects.toBeInstanceOf(CertificatesUnavailableError);
    expect(requests()).toBe(3);
  });

  test('nothing can be judged before the first good answer; then everything', async () => {
    google.standIn.behaviour = 'fail';
    await expect(certificates.find(knownKey())).rejects.toMatchObject({
      name: 'CertificatesUnavailableError',
      cause: { message: 'it answered with status 500' },
    });
    expect(certificates.health()).toMatchObject({
      ready: true,
      details: { keys: 0, fetchedAt: null },
    });
    google.standIn.behaviour = 'answer';
    google.clockMs += RETRY_AFTER_MS;
    expect(await certificates.find(knownKey())).toBe(knownPem());
  });

  test('a connection that is refused is an outage too', async () => {
    const nowhere = newCertificates('http://127.0.0.1:1/certs');
    await expect(nowhere.find('any')).rejects.toMatchObject({
      name: 'CertificatesUnavailableError',
      cause: { message: 'it could not be reached' },
    });
  });
});

describe('an answer that is none', () => {
  async function serve(listener: RequestListener): Promise<string> {
    const server = createServer(listener).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/certs`;
  }

  test('is one that redirects', async () => {
    const { certsUrl } = google.standIn;
    const url = await serve((_, response) => response.writeHead(302, { location: certsUrl }).end());
    await expect(fetchCertificates(url, google.now)).rejects.toThrow('it could not be reached');
    expect(requests()).toBe(0);
  });

  test('is one of more than 256 KiB', async () => {
    const text = JSON.stringify({ known: knownPem() });
    let length = 262_144;
    const url = await serve((_, response) => response.end(text.padEnd(length)));
    expect([...(await fetchCertificates(url, google.now)).certificates.keys()]).toEqual(['known']);
    length += 1;
    await expect(fetchCertificates(url, google.now)).rejects.toThrow('more than 262144 bytes');
  });

  test('is one that never ends in size', async () => {
    const url = await serve((_, response) => {
      const fill = () => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      };
      response.on('drain', fill);
      fill();
    });
    await expect(fetchCertificates(url, google.now)).rejects.toThrow('more than 262144 bytes');
  });

  test('is one that never ends in time', async () => {
    const url = await serve((_, response) => void response.writeHead(200).write('{'));
    await expect(fetchCertificates(url, google.now, 100)).rejects.toThrow(
      'it did not answer within 100 ms',
    );
  });

  test.each(['', 'no JSON', 'null', '[]', '{"keys":[{"kid":"1"}]}', '{"key":7}'])(
    'is one of something else: %s',
    (text) => {
      expect(() => parseCertificates(text, START_MS)).toThrow(
        'something else than keys and PEM texts',
      );
    },
  );

  test.each(['{}', '{"key":"no PEM"}'])('is one without a certificate: %s', (text) => {
    expect(() => parseCertificates(text, START_MS)).toThrow('without any RSA certificate');
  });

  test('is not one that has a new kind of key beside the others', () => {
    const text = JSON.stringify({ new: 'PEM of tomorrow', known: knownPem() });
    expect([...parseCertificates(text, START_MS).keys()]).toEqual(['known']);
  });

  test('is one whose certificates have all expired, as with a clock that is years ahead', () => {
    const text = JSON.stringify({ known: knownPem() });
    const endMs = new X509Certificate(knownPem()).validToDate.getTime();
    expect(parseCertificates(text, endMs - 1).get('known')?.notAfterMs).toBe(endMs);
    expect(() => parseCertificates(text, endMs)).toThrow('is the clock of this machine right?');
  });

  test('is not one with a key that bears no date beside a certificate that has expired', () => {
    const bare = createPublicKey(knownPem()).export({ type: 'spki', format: 'pem' });
    const text = JSON.stringify({ bare, known: knownPem() });
    expect([...parseCertificates(text, START_MS + 3650 * DAY_MS)]).toEqual([
      ['bare', { pem: bare, notAfterMs: undefined }],
    ]);
  });
});
