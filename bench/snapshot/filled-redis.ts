import type { Redis } from 'ioredis';
import { startPrivateRedis } from '../../src/demo/private-redis.ts';
import type { PrivateRedis } from '../../src/demo/private-redis-contract.ts';
import { redisOnPath } from '../../src/demo/redis-program.ts';
import { connectForCommands } from '../../src/redis/connections.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { LOAD_CORE, pin, processOf } from '../harness/processes.ts';
import { fill } from './tasks.ts';

/**
 * One Redis for the whole run, with a database for each number of executions: to fill one takes longer
 * than to measure it. It keeps no process alive, and ends with the one that started it.
 */
let server: Promise<PrivateRedis> | undefined;
/** Numbers of executions, by the database that has so many. */
const filled: number[] = [];

/** The address of a database that has so many executions, and nothing else. */
export async function filledRedis(executions: number): Promise<string> {
  server ??= start();
  const { url } = await server;
  const known = filled.indexOf(executions);
  if (known >= 0) return `${url}/${known}`;
  const database = `${url}/${filled.push(executions) - 1}`;
  await using redis = await connected(database);
  await fill(redis.client, KEYS, executions);
  return database;
}

/** A connection until it is disposed of. */
export async function connected(
  url: string,
): Promise<AsyncDisposable & { readonly client: Redis }> {
  const client = connectForCommands({ url, name: 'bench', onError: () => {} });
  await client.connect();
  return { client, [Symbol.asyncDispose]: async () => client.disconnect() };
}

async function start(): Promise<PrivateRedis> {
  const started = await startPrivateRedis({
    finder: redisOnPath(process.env.PATH),
    // Keeps rows in Redis' compact encoding: a third less memory, and as fast.
    settings: { 'hash-max-listpack-value': '2048' },
  });
  await using redis = await connected(started.url);
  await pin(await processOf(redis.client), LOAD_CORE);
  return started;
}
