import type { Redis, RedisOptions } from 'ioredis';
import { watchPassword } from './password-watch.ts';
import type { RedisAddress } from './redis-address.ts';
import { type ConnectionListener, RedisClient, retryWaitMs } from './redis-client.ts';
import { parseRedisUrl } from './redis-url.ts';

/**
 * Connections, of two kinds: one that many commands share, and one for each blocking loop. A
 * blocked connection answers nothing else, so it is never shared.
 */

/** After this long without an answer a command's connection counts as dead. */
const ANSWER_TIMEOUT_MS = 4000;
/** Longer than a blocked read may take. A server that is frozen takes connections, and is silent then. */
const BLOCKED_TIMEOUT_MS = 3500;
const CONNECT_TIMEOUT_MS = 2500;
/** Short, since the others are asked only after a sentinel that is silent. */
const SENTINEL_TIMEOUT_MS = 800;
/** Redis does not hear a goodbye on a connection that is blocked. */
const DISCONNECT_TIMEOUT_MS = 100;

export interface ConnectionOptions extends RedisAddress, ConnectionListener {
  /** Shown by CLIENT LIST: what the connection is for. */
  readonly name: string;
}

/**
 * A connection for commands that answer at once. It reconnects by itself for ever; while Redis is
 * away commands are refused at once instead of queued, so that callers can answer and retry by
 * their own rules. Nothing is sent twice: whether a lost command was executed is unknown.
 */
export function connectForCommands(options: ConnectionOptions): Redis {
  const client = open(options, {
    socketTimeout: ANSWER_TIMEOUT_MS,
    retryStrategy: retryWaitMs,
  });
  if (options.credentials?.hasPassword) watchPassword(client, options);
  return client;
}

/**
 * A connection for one blocking loop. It never reconnects: a blocked read that is sent again after
 * a reset may never settle, so the loop throws the connection away and makes a new one.
 */
export function connectForBlocking(options: ConnectionOptions): Redis {
  return open(options, { socketTimeout: BLOCKED_TIMEOUT_MS, retryStrategy: () => null });
}

/** How long it may take to be connected, in milliseconds, with every sentinel but one silent. */
export function connectDeadlineMs(url: string): number {
  const { sentinels = [] } = parseRedisUrl(url);
  return CONNECT_TIMEOUT_MS + 500 + 2 * SENTINEL_TIMEOUT_MS * (sentinels?.length ?? 0);
}

function open(options: ConnectionOptions, kind: RedisOptions): RedisClient {
  const hasSentinels = parseRedisUrl(options.url).sentinels !== undefined;
  return new RedisClient(options, options, {
    ...kind,
    connectionName: `tasktrail:${options.name}`,
    // Redis 7.0 does not know it, and its refusal would fill the log of denied commands.
    disableClientInfo: true,
    // For sentinels, too, and for the primary that they name.
    connectTimeout: hasSentinels ? SENTINEL_TIMEOUT_MS : CONNECT_TIMEOUT_MS,
    sentinelCommandTimeout: SENTINEL_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
  });
}
