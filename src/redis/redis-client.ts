import { Redis, type RedisOptions } from 'ioredis';
import {
  type ConnectionPlace,
  completeAnswer,
  explainFailure,
  RedisConnectionError,
  type ReplyError,
} from './connection-failure.ts';
import type { RedisAddress } from './redis-address.ts';
import { parseRedisUrl, withoutCredentials } from './redis-url.ts';
import { SentinelFinder } from './sentinel-finder.ts';

/** What a connection tells of itself. */
export interface ConnectionListener {
  /** Why it failed, with the remedy where one is known, and without anything that signs in. */
  readonly onError: (error: Error) => void;
  /** Redis took a password that was changed while the connection was open. */
  readonly onSignedInAgain?: (() => void) | undefined;
}

const MAX_RETRY_WAIT_MS = 1000;

/** How long to wait before an attempt, in milliseconds: ever longer, and each process another time. */
export function retryWaitMs(attempt: number): number {
  const full = Math.min(MAX_RETRY_WAIT_MS, 50 * 2 ** Math.min(attempt, 5));
  return full * (0.5 + Math.random() / 2);
}

/** A demoted primary or a loading one: leave it, and find the right one by reconnecting. */
const MOVED_AWAY = /^(READONLY|MASTERDOWN)/;

/**
 * ioredis' client, and what it lacks: before every connection it reads again what it signs in with,
 * and a connection that fails rejects with the reason, where ioredis only says that it is closed.
 */
export class RedisClient extends Redis {
  readonly #address: RedisAddress;
  readonly #place: ConnectionPlace;
  readonly #onError: ConnectionListener['onError'];
  /** Why this attempt to connect failed: the first reason, since others follow from it. */
  #failure: RedisConnectionError | undefined;
  #isLeft = false;
  #isChanging = false;
  /** What the open connection has signed in with. */
  #shownPassword: string | undefined;

  constructor(address: RedisAddress, listener: ConnectionListener, settings: RedisOptions) {
    const fromUrl = parseRedisUrl(address.url);
    const place = {
      url: withoutCredentials(address.url),
      user: fromUrl.username ?? 'default',
      hasPasswordFile: address.credentials?.hasPassword ?? false,
      isTls: fromUrl.tls !== undefined,
    };
    const options = {
      ...fromUrl,
      ...settings,
      // Connecting at once would come before the fields of this class are there.
      lazyConnect: true,
      // Every error that Redis answers passes here.
      reconnectOnError: (error: Error) => {
        completeAnswer(error, place);
        return MOVED_AWAY.test(error.message);
      },
      replyMapping: 'legacy',
      ...(fromUrl.sentinels && { Connector: SentinelFinder }),
    } satisfies RedisOptions;
    super(options);
    this.#address = address;
    this.#place = place;
    this.#onError = listener.onError;
    this.#useCredentials();
    // Until a sentinel answers, ioredis is within one attempt to connect, however long that takes.
    this.options.sentinelRetryStrategy = (rounds) => {
      void this.#readCredentials();
      return retryWaitMs(rounds);
    };
    this.on('error', (error: ReplyError) => this.#fail(error));
  }

  /** @throws RedisConnectionError */
  override async connect(): Promise<void> {
    this.#isLeft = false;
    this.#isChanging = false;
    this.#failure = undefined;
    // Only then, because a command meanwhile would make ioredis connect a second time.
    if (this.#address.credentials !== undefined) await this.#readCredentials();
    try {
      if (this.#isLeft) throw new Error('it was left before it was open');
      this.#shownPassword = this.options.password;
      await super.connect();
    } catch (error) {
      throw this.#failure ?? explainFailure(error, this.#place, this.#isLeft);
    }
  }

  override disconnect(reconnect = false): void {
    if (!reconnect) this.#isLeft = true;
    // Each of a demoted primary's replies comes here, and each would leave a timer and a listener.
    if (reconnect && this.#isChanging) return;
    this.#isChanging = reconnect;
    super.disconnect(reconnect);
  }

  /**
   * Reads the files again, and shows Redis the password if it is another one by now. Where Redis
   * refuses it, the connection stays signed in as it was.
   *
   * @returns whether it was another one, and Redis took it
   * @throws RedisConnectionError
   */
  async signInAgain(): Promise<boolean> {
    await this.#readCredentials();
    const { username, password = '' } = this.options;
    if (password === this.#shownPassword || this.status !== 'ready') return false;
    try {
      await (username === undefined ? this.auth(password) : this.auth(username, password));
    } catch (error) {
      const { message } = explainFailure(error, this.#place, true);
      throw new RedisConnectionError(`${message}; what is open goes on with the one before`);
    }
    this.#shownPassword = password;
    return true;
  }

  /** What cannot be read leaves in force what was read before: it may still be right. */
  async #readCredentials(): Promise<void> {
    await this.#address.credentials?.refresh().catch((error: unknown) => this.#fail(error));
    this.#useCredentials();
  }

  #useCredentials(): void {
    const { credentials } = this.#address;
    if (credentials === undefined) return;
    const { password, secureContext } = credentials.current;
    if (password !== undefined) this.options.password = password;
    if (secureContext === undefined) return;
    if (this.options.tls) this.options.tls = { ...this.options.tls, secureContext };
    if (this.options.sentinelTLS) this.options.sentinelTLS = { secureContext };
  }

  #fail(error: unknown): void {
    const failure = explainFailure(error, this.#place, this.status === 'ready');
    this.#failure ??= failure;
    // ioredis would go on in database 0, which is somebody else's.
    if ((error as ReplyError).command?.name === 'select') this.disconnect(true);
    this.#onError(failure);
  }
}
