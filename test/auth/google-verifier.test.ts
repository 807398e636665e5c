import { inspect } from 'node:util';
import { PrincipalSchema } from '@tasktrail/contract';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { CertificatesUnavailableError, UnauthorizedError } from '../../src/auth/auth.ts';
import { Certificates } from '../../src/auth/certificates.ts';
import { GoogleVerifier } from '../../src/auth/google-verifier.ts';
import { signToken } from '../../src/demo/google-stand-in.ts';
import { forgeTokens, secretsOf, useGoogle } from '../fixtures/google.ts';

const google = useGoogle();
let verifier: GoogleVerifier;

beforeEach(() => {
  google.standIn.behaviour = 'answer';
  verifier = newVerifier();
});

function newVerifier(changes: Parameters<typeof google.authOptions>[0] = {}): GoogleVerifier {
  const certificates = new Certificates({ url: google.standIn.certsUrl, now: google.now });
  return new GoogleVerifier(google.authOptions(changes), certificates, google.now);
}

/** What a token is refused with, after it was made sure that the error says nothing of the token. */
async function refusalOf(token: string, by = verifier): Promise<Error> {
  const error = await by.verify(token).then(
    (claims) => expect.fail(`accepted: ${JSON.stringify(claims)}`),
    (refusal: Error) => refusal,
  );
  const said = inspect(error, {
    depth: null,
    showHidden: true,
    getters: true,
    maxStringLength: null,
  });
  for (const secret of secretsOf(token)) {
    for (const text of [error.message, error.stack, String(error.cause), said]) {
      expect(text).not.toContain(secret);
    }
  }
  return error;
}

describe('a token of Google', () => {
  test('is verified with real certificates over a real connection', async () => {
    await expect(
      verifier.verify(google.standIn.sign({ email: 'Ana@Example.com' })),
    ).resolves.toEqual({
      identity: 'google:ana@example.com',
      domain: 'example.com',
      expiresAtMs: google.clockMs + 3_600_000,
    });
  });

  test('is verified with the older of two keys', async () => {
    const token = google.standIn.sign();
    await google.standIn.rotate();
    await expect(verifier.verify(token)).resolves.toMatchObject({
      identity: 'google:ana@example.com',
    });
  });

  test('whose nbf is 59 s ahead is accepted', async () => {
    const token = google.standIn.sign({ nbf: google.nowSeconds + 59 });
    await expect(verifier.verify(token)).resolves.toMatchObject({
      identity: 'google:ana@example.com',
    });
  });

  test.each([{ email_verified: false }, { email: undefined }])(
    'with %j is of an account, not of an address',
    async (claims) => {
      await expect(verifier.verify(google.standIn.sign(claims))).resolves.toMatchObject({
        identity: expect.stringMatching(/^google-sub:\d{21}$/),
      });
    },
  );
});

describe('a bad token', () => {
  test('is refused with its own reason, and its text is in no error', async () => {
    for (const [reason, tokens] of Object.entries(forgeTokens(google))) {
      for (const [name, token] of Object.entries(tokens)) {
        const error = await refusalOf(token);
        expect(error, name).toBeInstanceOf(UnauthorizedError);
        expect({ name, reason: (error as UnauthorizedError).reason }).toEqual({ name, reason });
        expect(error.cause).toBeUndefined();
      }
    }
  });

  test('is refused the same with the certificates at hand', async () => {
    await verifier.verify(google.standIn.sign());
    for (const [reason, tokens] of Object.entries(forgeTokens(google))) {
      for (const token of Object.values(tokens)) {
        expect(await refusalOf(token)).toMatchObject({ reason });
      }
    }
  });

  test('signed by a key that was dropped is refused', async () => {
    const token = google.standIn.sign();
    await google.standIn.rotate();
    await google.standIn.rotate();
    expect(await refusalOf(token)).toMatchObject({ reason: 'unknown_key' });
  });

  test('costs no request when its structure or claims refuse it', async () => {
    const before = google.standIn.requests;
    const { unknown_key: _, bad_signature: __, ...refusedBefore } = forgeTokens(google);
    for (const token of Object.values(refusedBefore).flatMap(Object.values)) await refusalOf(token);
    expect(google.standIn.requests).toBe(before);
  });
});

/** Each look for a key takes so long. */
class SlowCertificates extends Certificates {
  override async find(keyId: string): Promise<string | undefined> {
    const pem = await super.find(keyId);
    google.clockMs += SLOW_MS;
    return pem;
  }
}

const SLOW_MS = 600;

describe('time that passes while certificates are fetched', () => {
  test.each([
    ['the first time', 1],
    ['when it was verified before', 2],
  ])('counts: a token that expires meanwhile is refused, %s', async (_, times) => {
    const start = google.clockMs;
    // Its end comes within the last look.
    const exp = google.nowSeconds + (times * SLOW_MS) / 1000 - 0.001;
    const token = google.standIn.sign({ exp });
    const slow = new GoogleVerifier(
      google.authOptions(),
      new SlowCertificates({ url: google.standIn.certsUrl, now: google.now }),
      google.now,
    );
    try {
      for (let time = 1; time < times; time += 1) await slow.verify(token);
      expect(await refusalOf(token, slow)).toMatchObject({ reason: 'expired' });
    } finally {
      google.clockMs = start;
    }
  });
});

describe('without a source of certificates', () => {
  test('no token can be judged, good or forged', async () => {
    google.standIn.behaviour = 'fail';
    expect(await refusalOf(google.standIn.sign())).toBeInstanceOf(CertificatesUnavailableError);
    const [forged = ''] = Object.values(forgeTokens(google).bad_signature);
    expect(await refusalOf(forged)).toBeInstanceOf(CertificatesUnavailableError);
  });

  test('tokens of known keys are still judged', async () => {
    await verifier.verify(google.standIn.sign());
    google.standIn.behaviour = 'fail';
    await expect(verifier.verify(google.standIn.sign())).resolves.toMatchObject({
      identity: 'google:ana@example.com',
    });
    const [forged = ''] = Object.values(forgeTokens(google).bad_signature);
    expect(await refusalOf(forged)).toMatchObject({ reason: 'bad_signature' });
  });
});

describe('whatever comes', () => {
  const isRefusal = (error: unknown) =>
    error instanceof UnauthorizedError || error instanceof CertificatesUnavailableError;

  test('garbage is refused and nothing else happens', async () => {
    const segment = fc.oneof(
      fc.string(),
      fc.base64String(),
      fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value)).toString('base64url')),
      fc.constantFrom(...google.standIn.sign().split('.')),
    );
    const token = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(segment, { minLength: 2, maxLength: 4 }).map((segments) => segments.join('.')),
    );
    const good = google.standIn.sign();
    await fc.assert(
      fc.asyncProperty(token, async (text) => {
        fc.pre(text !== good);
        expect(isRefusal(await refusalOf(text))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test('any JSON that Google signed is judged, or refused', async () => {
    const { keyId, privateKey } = google.standIn.signingKey;
    const claims = fc.dictionary(
      fc.constantFrom('iss', 'aud', 'sub', 'exp', 'iat', 'nbf', 'email', 'email_verified', 'hd'),
      fc.jsonValue(),
      { maxKeys: 2 },
    );
    const token = fc.oneof(
      claims.map((changes) => google.standIn.sign(changes)),
      fc.jsonValue().map((value) => signToken({ alg: 'RS256', kid: keyId }, value, privateKey)),
    );
    await fc.assert(
      fc.asyncProperty(token, async (text) => {
        const outcome = await verifier.verify(text).then(
          ({ identity }) => PrincipalSchema.safeParse(identity).success,
          (error: unknown) => isRefusal(error),
        );
        expect(outcome).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
