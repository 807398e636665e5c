import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../../config/config.ts';
import {
  CertificatesUnavailableError,
  ForbiddenError,
  UnauthorizedError,
} from '../../src/auth/auth.ts';
import type { AuthenticatorOptions } from '../../src/auth/authenticator.ts';
import { forgeTokens, useGoogle } from '../fixtures/google.ts';
import { openFor } from './opened.ts';

const google = useGoogle();
let directory: string;
let identitiesPath: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tasktrail-authenticator-'));
  identitiesPath = join(directory, 'identities.json');
  await writeFile(identitiesPath, '{"google:Ana@example.com": ["slack:U1", "github:ana"]}');
});
afterAll(() => rm(directory, { recursive: true }));

async function signIn(
  options: Partial<AuthenticatorOptions>,
  claims: Record<string, unknown> = {},
) {
  const { authenticator } = await openFor(google, options);
  return await authenticator.authenticate(google.standIn.sign(claims));
}

const own = (...principals: string[]) => ({ kind: 'own', principals: new Set(principals) });

describe('a viewer', () => {
  test('sees everything while visibility is not enforced', async () => {
    expect(await signIn({ identitiesPath })).toEqual({
      identity: 'google:ana@example.com',
      domain: 'example.com',
      sight: { kind: 'everything' },
      tokenExpiresAtMs: google.clockMs + 3_600_000,
    });
  });

  test('has its identity and its aliases as principals when it is enforced', async () => {
    const options = { enforceVisibility: true, identitiesPath };
    const ana = await signIn(options, { email: 'ANA@example.com' });
    expect(ana.sight).toEqual(own('google:ana@example.com', 'slack:U1', 'github:ana'));
    const ben = await signIn(options, { email: 'ben@example.com' });
    expect(ben.sight).toEqual(own('google:ben@example.com'));
  });

  test('has no aliases of an address that is not verified', async () => {
    const eve = await signIn(
      { enforceVisibility: true, identitiesPath },
      { email_verified: false, sub: '666' },
    );
    expect(eve).toMatchObject({ identity: 'google-sub:666', sight: own('google-sub:666') });
  });

  test.each(['google:ANA@example.com', 'slack:U1'])(
    'sees everything as admin %s',
    async (admin) => {
      const options = {
        enforceVisibility: true,
        identitiesPath,
        admins: ['google:root@x.org', admin],
      };
      expect((await signIn(options)).sight).toEqual({ kind: 'everything' });
      expect((await signIn(options, { email: 'ben@example.com' })).sight.kind).toBe('own');
    },
  );

  test('has a token that expires when its claims say', async () => {
    const viewer = await signIn({}, { exp: google.nowSeconds + 7 });
    expect(viewer.tokenExpiresAtMs).toBe(google.clockMs + 7000);
  });
});

describe('a refusal', () => {
  test('is forbidden for a good token of somebody outside', async () => {
    const refusal = signIn({ allowedDomains: ['example.org'] });
    await expect(refusal).rejects.toBeInstanceOf(ForbiddenError);
    await expect(refusal).rejects.toMatchObject({ identity: 'google:ana@example.com' });
  });

  test('is unauthorized for every bad token, also of somebody outside', async () => {
    const { authenticator } = await openFor(google, { allowedDomains: ['example.org'] });
    for (const token of Object.values(forgeTokens(google)).flatMap(Object.values)) {
      await expect(authenticator.authenticate(token)).rejects.toBeInstanceOf(UnauthorizedError);
    }
  });

  test('is unavailable while there is nothing to judge with', async () => {
    const refusal = signIn({ certsUrl: 'http://127.0.0.1:1/certs' });
    await expect(refusal).rejects.toBeInstanceOf(CertificatesUnavailableError);
  });
});

test('the auth slice of a loaded configuration opens it', async () => {
  const config = loadConfig(
    {
      TASK_TRACKING_REDIS_URL: 'redis://127.0.0.1:6379',
      TASK_DASHBOARD_GOOGLE_CLIENT_IDS: google.standIn.clientId,
      TASK_DASHBOARD_GOOGLE_CERTS_URL: google.standIn.certsUrl,
      TASK_DASHBOARD_ALLOWED_EMAILS: 'Ana@example.com',
      TASK_DASHBOARD_IDENTITIES: identitiesPath,
    },
    true,
  );
  const { authenticator } = await openFor(google, config.serve!.auth);
  await expect(authenticator.authenticate(google.standIn.sign())).resolves.toMatchObject({
    identity: 'google:ana@example.com',
  });
  expect(authenticator.certificates.health()).toMatchObject({ ready: true, details: { keys: 2 } });
});
