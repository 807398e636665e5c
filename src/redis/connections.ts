import { Redis, type RedisOptions } from 'ioredis';
import { parseRedisUrl } from './redis-url.ts';

/**
 * Connections, of two kinds: one that many commands share, and one for each blocking loop. A
 * blocked connection answers nothing else, so it is never shared.
 */

/** After this long without an answer a command's connection counts as dead. */
const ANSWER_TIMEOUT_MS = 4000;
const CONNECT_TIMEOUT_MS = 2500;
/** Short, since the others are asked only after a sentinel that is silent. */
const SENTINEL_TIMEOUT_MS = 800;
/** Redis does not hear a goodbye on a connection that is blocked. */
const DISCONNECT_TIMEOUT_MS = 100;
const MAX_RECONNECT_WAIT_MS = 1000;

export interface ConnectionOptions {
  readonly url: string;
  /** Shown by CLIENT LIST: what the connection is for. */
  readonly name: string;
  readonly onError: (error: Error) => void;
}

/**
 * A connection for commands that answer at once. It reconnects by itself for ever; while Redis is
 * away commands are refused at once instead of queued, so that callers can answer and retry by
 * their own rules. Nothing is sent twice: whether a lost command was executed is unknown.
 */
export function connectForCommands(options: ConnectionOptions): Redis {
  return connect(options, {
    socketTimeout: ANSWER_TIMEOUT_MS,
    retryStrategy: (attempt) =>
      Math.min(MAX_RECONNECT_WAIT_MS, 50 * 2 ** Math.min(attempt, 5)) * (0.5 + Math.random() / 2),
  });
}

/**
 * A connection for one blocking loop. It never reconnects: a blocked read that is sent again after
 * a reset may never settle, so the loop throws the connection away and makes a new one.
 */
export function connectForBlocking(options: ConnectionOptions): Redis {
  return connect(options, { retryStrategy: () => null });
}

/** How long it may take to be connected, in milliseconds, with every sentinel but one silent. */
export function connectDeadlineMs(url: string): number {
  const { sentinels = [] } = parseRedisUrl(url);
  return CONNECT_TIMEOUT_MS + 500 + 2 * SENTINEL_TIMEOUT_MS * (sentinels?.length ?? 0);
}

function connect(options: ConnectionOptions, kind: RedisOptions): Redis {
  const address = parseRedisUrl(options.url);
  const settings = {
    ...address,
    ...kind,
    connectionName: `tasktrail:${options.name}`,
    // For sentinels, too, and for the primary that they name.
    connectTimeout: address.sentinels ? SENTINEL_TIMEOUT_MS : CONNECT_TIMEOUT_MS,
    sentinelCommandTimeout: SENTINEL_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // A demoted primary or a loading one: leave it, and find the right one by reconnecting.
    reconnectOnError: (error: Error) => /^(READONLY|MASTERDOWN)/.test(error.message),
    replyMapping: 'legacy',
  } satisfies RedisOptions;
  const redis = new Redis(settings);
  redis.on('error', (error: Error & { readonly command?: { readonly name: string } }) => {
    // ioredis would go on in database 0, which is somebody else's.
    if (error.command?.name === 'select') redis.disconnect(true);
    options.onError(error);
  });
  return redis;
}
