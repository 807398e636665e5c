import { createVerify, X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { startGoogleStandIn } from '../../src/demo/google-stand-in.ts';
import { useGoogle } from '../fixtures/google.ts';

const google = useGoogle({ maxAgeSeconds: 77 });

async function served(): Promise<Record<string, string>> {
  const response = await fetch(google.standIn.certsUrl);
  return (await response.json()) as Record<string, string>;
}

function read(token: string) {
  return token
    .split('.')
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()));
}

test('serves two RSA certificates with a lifetime, and counts who asks', async () => {
  const before = google.standIn.requests;
  const response = await fetch(google.standIn.certsUrl);
  expect(response.headers.get('cache-control')).toContain('max-age=77');
  const pems = Object.values((await response.json()) as Record<string, string>);
  expect(pems).toHaveLength(2);
  for (const pem of pems) {
    const { publicKey, validToDate } = new X509Certificate(pem);
    expect(publicKey.asymmetricKeyDetails?.modulusLength).toBe(2048);
    expect(validToDate.getTime()).toBeGreaterThan(google.clockMs);
  }
  expect(google.standIn.requests).toBe(before + 1);
  expect((await fetch(new URL('/', google.standIn.certsUrl))).status).toBe(404);
  expect(google.standIn.requests).toBe(before + 1);
});

test('signs tokens like those of Google, which its certificate verifies', async () => {
  const token = google.standIn.sign({ email: 'Ben@example.org', extra: 1 });
  const [header, claims] = read(token);
  expect(header).toEqual({ alg: 'RS256', kid: google.standIn.signingKey.keyId, typ: 'JWT' });
  expect(claims).toMatchObject({
    iss: 'https://accounts.google.com',
    aud: google.standIn.clientId,
    sub: expect.stringMatching(/^\d{21}$/),
    email: 'Ben@example.org',
    email_verified: true,
    hd: 'example.org',
    iat: google.nowSeconds,
    exp: google.nowSeconds + 3600,
    extra: 1,
  });
  const [signed = '', signature = ''] = token.split(/\.(?=[^.]*$)/);
  const verify = createVerify('RSA-SHA256').update(signed);
  const pem = (await served())[header.kid]!;
  expect(verify.verify(pem, signature, 'base64url')).toBe(true);
});

test('leaves out what is undefined, and gives one account to one address', () => {
  const [, claims] = read(google.standIn.sign({ hd: undefined, email: undefined }));
  expect(claims).not.toHaveProperty('hd');
  expect(claims).not.toHaveProperty('email');
  const subjects = ['ana@example.com', 'Ana@example.com', 'ben@example.com'].map(
    (email) => read(google.standIn.sign({ email }))[1].sub,
  );
  expect(subjects[0]).toBe(subjects[1]);
  expect(subjects[0]).not.toBe(subjects[2]);
});

test('rotates: a new key signs, the oldest is gone', async () => {
  const before = Object.keys(await served());
  const signing = google.standIn.signingKey.keyId;
  await google.standIn.rotate();
  expect(google.standIn.signingKey.keyId).not.toBe(signing);
  const after = Object.keys(await served());
  expect(after).toHaveLength(2);
  expect(after.filter((keyId) => before.includes(keyId))).toEqual([signing]);
});

test('fails when told to, and answers again', async () => {
  google.standIn.behaviour = 'fail';
  expect((await fetch(google.standIn.certsUrl)).status).toBe(500);
  google.standIn.behaviour = 'answer';
  expect((await fetch(google.standIn.certsUrl)).status).toBe(200);
});

test('stops at once though a request hangs, and may be stopped again', async () => {
  const standIn = await startGoogleStandIn({ now: google.now });
  standIn.behaviour = 'hang';
  const hanging = expect(fetch(standIn.certsUrl)).rejects.toThrow('fetch failed');
  while (standIn.requests === 0) await new Promise((resolve) => setImmediate(resolve));
  await Promise.all([standIn.stop(), standIn.stop()]);
  await standIn[Symbol.asyncDispose]();
  await hanging;
  await expect(fetch(standIn.certsUrl)).rejects.toThrow('fetch failed');
});

test('says so when its port is taken', async () => {
  const port = Number(new URL(google.standIn.certsUrl).port);
  await expect(startGoogleStandIn({ port, now: google.now })).rejects.toMatchObject({
    code: 'EADDRINUSE',
  });
});
