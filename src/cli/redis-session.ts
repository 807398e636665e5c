import type { Redis } from 'ioredis';
import { type ConnectionOptions, connectForCommands } from '../redis/connections.ts';
import type { Keys } from '../redis/keys.ts';
import { isRedisAway } from '../redis/trouble.ts';
import { withoutCredentials } from './emit/events.ts';

/** What a command that only asks Redis is given by the program. */
export interface OperatorIo {
  readonly redisUrl: string;
  readonly keys: Keys;
  /** Takes a line of output, without its end. */
  readonly write: (line: string) => void;
  readonly writeError: (line: string) => void;
}

/** Redis is away, or went away. Nothing was left half done: to run the command again is safe. */
export class RedisAwayError extends Error {
  override readonly name = 'RedisAwayError';

  constructor(redisUrl: string, reason: string, options?: ErrorOptions) {
    super(
      `${withoutCredentials(redisUrl)} does not answer (${reason}). Start Redis, or correct ` +
        'TASK_TRACKING_REDIS_URL, and run this again: nothing was left half done',
      options,
    );
  }
}

/**
 * Connects, does the work and disconnects.
 *
 * @param name what CLIENT LIST shows
 * @throws RedisAwayError
 */
export async function withRedis<T>(
  io: OperatorIo,
  name: string,
  work: (redis: Redis, connection: ConnectionOptions) => Promise<T>,
): Promise<T> {
  // Why Redis is away: what a command rejects with only says that it is.
  let reason: string | undefined;
  const onError = ({ message }: Error) => {
    reason ??= message;
  };
  const connection = { url: io.redisUrl, name, onError };
  const redis = connectForCommands(connection);
  try {
    await redis.connect();
    return await work(redis, connection);
  } catch (cause) {
    if (!isRedisAway(cause)) throw cause;
    throw new RedisAwayError(io.redisUrl, reason ?? (cause as Error).message, { cause });
  } finally {
    redis.disconnect();
  }
}
