import {
  type Redis,
  type RedisOptions,
  type SentinelAddress,
  type SentinelConnectionOptions,
  SentinelConnector,
} from 'ioredis';

type Tell = Parameters<SentinelConnector['connect']>[0];

/** What ioredis has and does not declare: the client by which one sentinel is asked. */
interface Asking {
  connect(tell: Tell): ReturnType<SentinelConnector['connect']>;
  connectToSentinel(endpoint: Partial<SentinelAddress>, options?: RedisOptions): Redis;
}

const Base = SentinelConnector as unknown as new (options: SentinelConnectionOptions) => Asking;

/** What a client says whose connection failed: its 'error' event has said why. */
const CLOSED = 'Connection is closed.';
const FAILED = /^failed to connect to sentinel (\S+) because (.*)$/s;

/**
 * ioredis' way from sentinels to the primary, which asks one after the other until one names it. Where
 * none does, this one says of each why not; of a connection that fails, ioredis only knows that it is
 * closed.
 */
class Finder extends Base {
  /** What went wrong with the connection to the sentinel that was asked last. */
  #failure: Error | undefined;
  /** Of this round: each sentinel and what is wrong with it. */
  #reasons: string[] = [];

  override connectToSentinel(endpoint: Partial<SentinelAddress>, options?: RedisOptions): Redis {
    const sentinel = super.connectToSentinel(endpoint, options);
    this.#failure = undefined;
    sentinel.on('error', (error: Error) => {
      this.#failure ??= error;
    });
    return sentinel;
  }

  override connect(tell: Tell): ReturnType<Asking['connect']> {
    this.#reasons = [];
    return super.connect((type, error) => {
      if (type === 'sentinelError') {
        this.#reasons.push(this.#reasonOf(error.message));
        return tell(type, error);
      }
      const reasons = this.#reasons.join('; ');
      this.#reasons = [];
      return tell(type, new Error(`no sentinel names the primary: ${reasons}`));
    });
  }

  #reasonOf(message: string): string {
    const [, sentinel, reason = CLOSED] = FAILED.exec(message) ?? [];
    if (sentinel === undefined) return message;
    const known = reason === CLOSED ? (this.#failure?.message ?? CLOSED) : reason;
    return `${sentinel} fails (${known.replace(/\.$/, '')})`;
  }
}

/** For ioredis' options. */
export const SentinelFinder = Finder as unknown as NonNullable<RedisOptions['Connector']>;
