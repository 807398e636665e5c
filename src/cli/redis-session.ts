import type { Redis } from 'ioredis';
import { type ConnectionOptions, connectForCommands } from '../redis/connections.ts';
import type { Keys } from '../redis/keys.ts';
import type { RedisAddress } from '../redis/redis-address.ts';
import { withoutCredentials } from '../redis/redis-url.ts';
import { isRedisAway, isRefusedForNow } from '../redis/trouble.ts';

/** What a command that only asks Redis is given by the program. */
export interface OperatorIo {
  readonly redis: RedisAddress;
  readonly keys: Keys;
  /** Takes a line of output, without its end. */
  readonly write: (line: string) => void;
  readonly writeError: (line: string) => void;
}

/**
 * Redis is away, went away, or answers that it cannot do this now. Nothing was left half done: to run
 * the command again is safe.
 */
export class RedisAwayError extends Error {
  override readonly name = 'RedisAwayError';

  constructor(url: string, problem: string, options?: ErrorOptions) {
    const server = withoutCredentials(url);
    super(`${server} ${problem}, and run this again: nothing was left half done`, options);
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
  const connection = { ...io.redis, name, onError };
  const redis = connectForCommands(connection);
  try {
    await redis.connect();
    return await work(redis, connection);
  } catch (cause) {
    const { url } = io.redis;
    if (isRefusedForNow(cause)) {
      const problem = `cannot do this now (${cause.message.replace(/\.$/, '')}). Wait until it can`;
      throw new RedisAwayError(url, problem, { cause });
    }
    if (!isRedisAway(cause)) throw cause;
    reason ??= (cause as Error).message;
    const remedy = 'Start Redis, or correct TASK_TRACKING_REDIS_URL';
    throw new RedisAwayError(url, `does not answer (${reason}). ${remedy}`, { cause });
  } finally {
    redis.disconnect();
  }
}
