import { describe, expect, test } from 'vitest';
import {
  CertificatesUnavailableError,
  ForbiddenError,
  ProducerRefusedError,
  UnauthorizedError,
} from '../../src/auth/auth.ts';
import type { AuthenticatorOptions } from '../../src/auth/authenticator.ts';
import { newProducer } from '../../src/auth/producers.ts';
import { canaryBytes } from '../fixtures/canary.ts';
import { forgeTokens, secretsOf, serviceAccount, useGoogle } from '../fixtures/google.ts';
import { makeFile, openFor } from './opened.ts';

const google = useGoogle();

const CI = 'ci@my-project.iam.gserviceaccount.com';
const nightly = newProducer('nightly', ['houlak/*'], canaryBytes);
const ENTRIES = [nightly.entry, { name: 'ci', email: CI, projects: ['acme/shop', 'labs/**'] }];

async function open(options: Partial<AuthenticatorOptions> = {}, entries: unknown = ENTRIES) {
  const { path } = await makeFile({ producers: entries });
  return (await openFor(google, { producersPath: path, ...options })).authenticator;
}

const unauthorized = (reason: string) => ({
  name: 'ProducerRefusedError',
  kind: 'unauthorized',
  reason,
});
const forbidden = (reason: string) => ({ name: 'ProducerRefusedError', kind: 'forbidden', reason });

describe('a producer', () => {
  test('is who presents its API key', async () => {
    const producer = await (await open()).authenticateProducer(nightly.key);
    expect(producer).toMatchObject({ name: 'nightly', mayWriteAll: false });
    expect(['houlak/a', 'houlak/a/b', 'acme/shop'].map(producer.mayWrite)).toEqual([
      true,
      false,
      false,
    ]);
  });

  test('is the account of an ID token whose verified address the file names', async () => {
    const authenticator = await open();
    for (const email of [CI, CI.toUpperCase()]) {
      const token = google.standIn.sign(serviceAccount(email));
      const producer = await authenticator.authenticateProducer(token);
      expect(producer.name).toBe('ci');
      expect(['labs/a/b', 'acme/shop', 'houlak/a'].map(producer.mayWrite)).toEqual([
        true,
        true,
        false,
      ]);
    }
  });

  test.each([
    { allowedDomains: ['example.com'] },
    { allowedEmails: ['ana@example.com'] },
    { allowedDomains: ['example.com'], allowedEmails: ['ana@example.com'] },
  ])('needs no place in the lists of viewers: %j', async (lists) => {
    const token = google.standIn.sign(serviceAccount(CI));
    await expect((await open(lists)).authenticateProducer(token)).resolves.toMatchObject({
      name: 'ci',
    });
  });
});

describe('nobody else may emit', () => {
  test.each([
    ['another key', newProducer('x', ['**'], canaryBytes).key],
    ['the hash of a key', `ttk_${nightly.entry.keySha256}`],
    ['half a key', nightly.key.slice(0, 20)],
    ['a key with something after it', `${nightly.key}A`],
    ['the beginning of a key', 'ttk_'],
  ])('with %s', async (_, key) => {
    await expect((await open()).authenticateProducer(key)).rejects.toMatchObject(
      unauthorized('unknown_api_key'),
    );
  });

  test('with the token of a viewer, whoever that is', async () => {
    const authenticator = await open({
      allowedEmails: ['ana@example.com'],
      admins: ['google:ana@example.com'],
    });
    const token = google.standIn.sign();
    await expect(authenticator.authenticate(token)).resolves.toMatchObject({
      identity: 'google:ana@example.com',
    });
    await expect(authenticator.authenticateProducer(token)).rejects.toMatchObject(
      forbidden('no_producer'),
    );
  });

  test('with the token of another service account', async () => {
    const token = google.standIn.sign(serviceAccount(`x${CI}`));
    await expect((await open()).authenticateProducer(token)).rejects.toMatchObject(
      forbidden('no_producer'),
    );
  });

  test.each([{ email_verified: false }, { email: undefined }, { email_verified: undefined }])(
    'with a token whose address is not there, or not verified: %j',
    async (claims) => {
      const token = google.standIn.sign({ ...serviceAccount(CI), ...claims });
      await expect((await open()).authenticateProducer(token)).rejects.toMatchObject(
        forbidden('no_email'),
      );
    },
  );

  test('with a bad token, and the reason is that of the verifier', async () => {
    const authenticator = await open();
    for (const [reason, tokens] of Object.entries(forgeTokens(google))) {
      for (const [name, token] of Object.entries(tokens)) {
        const refusal = await authenticator
          .authenticateProducer(token)
          .catch((error: unknown) => error);
        expect(refusal, name).toBeInstanceOf(ProducerRefusedError);
        expect(refusal, name).toMatchObject(unauthorized(reason));
        for (const secret of secretsOf(token)) expect(String(refusal)).not.toContain(secret);
      }
    }
  });

  test.each([undefined, [] as unknown[]])('where the file names nobody: %j', async (entries) => {
    const authenticator =
      entries === undefined ? (await openFor(google, {})).authenticator : await open({}, entries);
    await expect(authenticator.authenticateProducer(nightly.key)).rejects.toMatchObject(
      unauthorized('unknown_api_key'),
    );
    const token = google.standIn.sign(serviceAccount(CI));
    await expect(authenticator.authenticateProducer(token)).rejects.toMatchObject(
      forbidden('no_producer'),
    );
  });
});

describe('while there are no certificates', () => {
  const certsUrl = 'http://127.0.0.1:1/certs';

  test('a token cannot be judged', async () => {
    const token = google.standIn.sign(serviceAccount(CI));
    await expect((await open({ certsUrl })).authenticateProducer(token)).rejects.toBeInstanceOf(
      CertificatesUnavailableError,
    );
  });

  test('a key can', async () => {
    const authenticator = await open({ certsUrl });
    await expect(authenticator.authenticateProducer(nightly.key)).resolves.toMatchObject({
      name: 'nightly',
    });
  });
});

describe('a producer may not read', () => {
  test.each([
    {},
    { allowedEmails: [CI] },
    { admins: [`google:${CI}`] },
    { allowedDomains: ['my-project.iam.gserviceaccount.com'] },
  ])('also where the lists of viewers would admit it: %j', async (lists) => {
    const hd = 'my-project.iam.gserviceaccount.com';
    const token = google.standIn.sign({ ...serviceAccount(CI.toUpperCase()), hd });
    await expect((await open(lists, [])).authenticate(token)).resolves.toMatchObject({
      identity: `google:${CI}`,
    });
    const refusal = (await open(lists)).authenticate(token);
    await expect(refusal).rejects.toBeInstanceOf(ForbiddenError);
    await expect(refusal).rejects.toMatchObject({ identity: `google:${CI}` });
  });

  test('with its API key, which is no better than garbage', async () => {
    const authenticator = await open();
    for (const token of [nightly.key, 'garbage']) {
      const refusal = authenticator.authenticate(token);
      await expect(refusal).rejects.toBeInstanceOf(UnauthorizedError);
      await expect(refusal).rejects.toMatchObject({ reason: 'malformed' });
    }
  });

  test('and is unauthorized, not forbidden, with a bad token', async () => {
    const token = google.standIn.sign({ ...serviceAccount(CI), exp: google.nowSeconds });
    await expect((await open()).authenticate(token)).rejects.toMatchObject({ reason: 'expired' });
  });
});
