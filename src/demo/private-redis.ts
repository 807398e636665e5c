import type { PrivateRedis, PrivateRedisOptions } from './private-redis-contract.ts';
import { startRedisContainer } from './redis-container.ts';
import { startRedisProcess } from './redis-process.ts';

/** Starts a server and resolves once it answers. Throws PrivateRedisError where it cannot. */
export async function startPrivateRedis(options: PrivateRedisOptions): Promise<PrivateRedis> {
  const program = await options.finder();
  return program === undefined
    ? await startRedisContainer(options)
    : await startRedisProcess(program, options);
}
