import { Redis, type RedisOptions } from 'ioredis';
import { ProducerError } from './errors.ts';
import { plainError, type Reply } from './replies.ts';

/** What the producer needs of a client that it is given: ioredis' Redis and Cluster have it. */
export interface PipelineClient {
  pipeline(commands: unknown[][]): {
    exec(): Promise<[error: Error | null, result: unknown][] | null>;
  };
  readonly options?: { readonly keyPrefix?: string | undefined };
}

/** The way to Redis. */
export interface Connection {
  /** Sends commands in order; a reply for each. Rejects when there is no connection. */
  send(commands: readonly string[][]): Promise<readonly Reply[]>;
  /** Takes note that the last sending failed. */
  reset(): void;
  /** Resolves once nothing is open any more; what is under way fails. */
  close(): Promise<void>;
}

/** @throws ProducerError when events could not be sent with these settings */
export function connectionTo(
  redis: string | RedisOptions | PipelineClient,
  answerTimeoutMs: number,
): Connection {
  if (typeof redis !== 'string' && 'pipeline' in redis) return new BorrowedClient(redis);
  // No part of the text is shown: it may hold a password.
  if (typeof redis === 'string' && !/^rediss?:\/\//.test(redis)) {
    throw new ProducerError('redis must be redis://… or rediss://…, ioredis options, or a client');
  }
  return new OwnConnection(redis, answerTimeoutMs);
}

/**
 * A connection that is opened when there is something to send, and replaced by a new one after any
 * failure: it may have died, or its server may have been demoted. ioredis itself neither reconnects
 * nor resends nor queues, so that there is one retry loop, the producer's, which knows the order.
 */
class OwnConnection implements Connection {
  readonly #target: string | RedisOptions;
  readonly #answerTimeoutMs: number;
  #redis: Redis | undefined;
  /** Why the connection failed. It comes as an event; promises only say that it did. */
  #reason: Error | undefined;

  constructor(target: string | RedisOptions, answerTimeoutMs: number) {
    this.#target = target;
    this.#answerTimeoutMs = answerTimeoutMs;
  }

  async send(commands: readonly string[][]): Promise<readonly Reply[]> {
    const redis = await this.#ready();
    const replies = (await redis.pipeline([...commands]).exec()) ?? [];
    return replies.map(([error, value]) =>
      error === null || error.name === 'ReplyError' ? [error, value] : [this.#reason ?? error],
    );
  }

  reset(): void {
    this.#redis?.disconnect();
    this.#redis = undefined;
  }

  async close(): Promise<void> {
    const redis = this.#redis;
    if (redis === undefined || redis.status === 'end') return;
    const ended = new Promise((resolve) => redis.once('end', resolve));
    this.reset();
    await ended;
  }

  async #ready(): Promise<Redis> {
    if (this.#redis?.status === 'ready') return this.#redis;
    const redis = open(this.#target, this.#answerTimeoutMs);
    this.#redis = redis;
    this.#reason = undefined;
    redis.on('error', (error: Error & { readonly command?: { readonly name: string } }) => {
      if (this.#redis === redis) this.#reason ??= error;
      // ioredis would go on in database 0, which is somebody else's.
      if (error.command?.name === 'select') redis.disconnect();
    });
    try {
      await redis.connect();
    } catch (error) {
      throw plainError(this.#reason ?? error);
    }
    return redis;
  }
}

function open(target: string | RedisOptions, answerTimeoutMs: number): Redis {
  const settings = {
    ...(typeof target === 'string' ? {} : target),
    connectionName: 'tasktrail:producer',
    // Redis 7.0 does not know it, and its refusal would fill the log of denied commands.
    disableClientInfo: true,
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    sentinelRetryStrategy: () => null,
    reconnectOnError: null,
    // INFO needs a permission that writers rarely have; a server that is loading answers LOADING.
    enableReadyCheck: false,
    connectTimeout: answerTimeoutMs,
    sentinelCommandTimeout: answerTimeoutMs,
    // No answer for so long destroys the socket, so that nothing more leaves through it.
    socketTimeout: answerTimeoutMs,
    // It is closed when everything is confirmed or given up: there is nothing to wait for.
    disconnectTimeout: 100,
    keyPrefix: '',
    replyMapping: 'legacy',
  } satisfies RedisOptions;
  return typeof target === 'string' ? new Redis(target, settings) : new Redis(settings);
}

/** Somebody else's client: they configure, reconnect and close it. */
class BorrowedClient implements Connection {
  readonly #client: PipelineClient;

  constructor(client: PipelineClient) {
    if (client.options?.keyPrefix) {
      throw new ProducerError('the client must have no keyPrefix: it would rename the stream');
    }
    this.#client = client;
  }

  async send(commands: readonly string[][]): Promise<readonly Reply[]> {
    return (await this.#client.pipeline([...commands]).exec()) ?? [];
  }

  reset(): void {}

  async close(): Promise<void> {}
}
