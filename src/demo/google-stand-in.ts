import { createHash, createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { generate } from 'selfsigned';

/**
 * A stand-in for Google, for the demo and for tests: it signs ID tokens, and serves the certificates
 * for them in the shape of Google's `oauth2/v1/certs`. Its keys are new with every start.
 */
export interface GoogleStandInOptions {
  /** Default 0: a free one. */
  readonly port?: number | undefined;
  /** Default 127.0.0.1. */
  readonly host?: string | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** The `aud` of its tokens. */
  readonly clientId?: string | undefined;
  /** The `max-age` of its certificates. Default one hour. */
  readonly maxAgeSeconds?: number | undefined;
}

export interface SigningKey {
  readonly keyId: string;
  readonly privateKey: KeyObject;
  /** Self-signed X.509, PEM. */
  readonly certificate: string;
}

/** What it does when asked for certificates: answer, answer with status 500, or say nothing. */
export type StandInBehaviour = 'answer' | 'fail' | 'hang';

type JsonObject = Readonly<Record<string, unknown>>;

export interface GoogleStandIn extends AsyncDisposable {
  /** For TASK_DASHBOARD_GOOGLE_CERTS_URL. */
  readonly certsUrl: string;
  readonly clientId: string;
  /** The newest key. */
  readonly signingKey: SigningKey;
  /** How often it was asked for certificates. */
  readonly requests: number;
  behaviour: StandInBehaviour;
  /**
   * An ID token as Google would issue it now, for an hour. `claims` go over the usual ones, of which
   * `sub` and `hd` follow from `email`; one that is undefined is left out. `header` likewise.
   */
  sign(claims?: JsonObject, header?: JsonObject): string;
  /** Adds a key, which signs from now on, and drops the oldest: two are served, as by Google. */
  rotate(): Promise<void>;
  /** Closes every connection. May be called again, and twice at once. */
  stop(): Promise<void>;
}

const CERTS_PATH = '/oauth2/v1/certs';
const TOKEN_LIFETIME_SECONDS = 3600;
/** Google's tokens are valid from a little before they are issued. */
const NOT_BEFORE_SECONDS = 300;
const CERTIFICATE_LIFETIME_MS = 14 * 86_400_000;

export async function startGoogleStandIn(options: GoogleStandInOptions): Promise<GoogleStandIn> {
  const keys = await Promise.all([makeKey(options.now()), makeKey(options.now())]);
  const server = createServer();
  server.listen(options.port ?? 0, options.host ?? '127.0.0.1');
  await once(server, 'listening');
  return new StandIn(server, keys, options);
}

/** A JSON Web Token of any content, signed with RS256. */
export function signToken(header: unknown, payload: unknown, key: KeyObject): string {
  const signed = `${encodeSegment(header)}.${encodeSegment(payload)}`;
  return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), key).toString('base64url')}`;
}

export function encodeSegment(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

class StandIn implements GoogleStandIn {
  readonly certsUrl: string;
  readonly clientId: string;
  requests = 0;
  behaviour: StandInBehaviour = 'answer';
  readonly #server: Server;
  readonly #now: () => number;
  readonly #maxAgeSeconds: number;
  /** Oldest first. */
  #keys: readonly [SigningKey, SigningKey];
  #stopped: Promise<void> | undefined;

  constructor(
    server: Server,
    keys: readonly [SigningKey, SigningKey],
    options: GoogleStandInOptions,
  ) {
    const { address, port } = server.address() as AddressInfo;
    this.certsUrl = `http://${address}:${port}${CERTS_PATH}`;
    this.clientId = options.clientId ?? 'tasktrail-demo.apps.googleusercontent.com';
    this.#server = server.on('request', (request, response) => this.#answer(request, response));
    this.#keys = keys;
    this.#now = options.now;
    this.#maxAgeSeconds = options.maxAgeSeconds ?? 3600;
  }

  get signingKey(): SigningKey {
    return this.#keys[1];
  }

  sign(claims: JsonObject = {}, header: JsonObject = {}): string {
    const issuedAt = Math.floor(this.#now() / 1000);
    const { email = 'ana@example.com' } = claims;
    const { keyId, privateKey } = this.signingKey;
    const usual = {
      iss: 'https://accounts.google.com',
      aud: this.clientId,
      sub: accountId(String(email)),
      hd: String(email).split('@')[1],
      email,
      email_verified: true,
      nbf: issuedAt - NOT_BEFORE_SECONDS,
      iat: issuedAt,
      exp: issuedAt + TOKEN_LIFETIME_SECONDS,
    };
    return signToken(
      { alg: 'RS256', kid: keyId, typ: 'JWT', ...header },
      { ...usual, ...claims },
      privateKey,
    );
  }

  async rotate(): Promise<void> {
    this.#keys = [this.signingKey, await makeKey(this.#now())];
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    if (request.url !== CERTS_PATH) {
      response.writeHead(404).end();
      return;
    }
    this.requests += 1;
    if (this.behaviour === 'hang') return;
    if (this.behaviour === 'fail') {
      response.writeHead(500).end();
      return;
    }
    const certificates = this.#keys.map(({ keyId, certificate }) => [keyId, certificate]);
    response
      .writeHead(200, {
        'content-type': 'application/json; charset=UTF-8',
        'cache-control': `public, max-age=${this.#maxAgeSeconds}, must-revalidate`,
      })
      .end(JSON.stringify(Object.fromEntries(certificates)));
  }
}

async function makeKey(nowMs: number): Promise<SigningKey> {
  const { private: privatePem, cert } = await generate(
    [{ name: 'commonName', value: 'stand-in.localhost' }],
    {
      keySize: 2048,
      algorithm: 'sha256',
      notBeforeDate: new Date(nowMs),
      notAfterDate: new Date(nowMs + CERTIFICATE_LIFETIME_MS),
    },
  );
  return {
    keyId: createHash('sha1').update(cert).digest('hex'),
    privateKey: createPrivateKey(privatePem),
    certificate: cert,
  };
}

/** 21 digits, as Google's are; the same for the same address. */
function accountId(email: string): string {
  const hash = createHash('sha256').update(email.toLowerCase()).digest('hex');
  return BigInt(`0x${hash}`).toString().slice(0, 21);
}
