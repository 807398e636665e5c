import type { Redis } from 'ioredis';

/** A key's value, in a form that compares: hashes and ordered sets as records, the rest as it is. */
export type Dump = Readonly<Record<string, unknown>>;

/** Everything that Redis holds, whatever it is called. */
export async function dumpKeyspace(redis: Redis): Promise<Dump> {
  const keys = await redis.keys('*');
  const values = await Promise.all(keys.map((key) => dumpKey(redis, key)));
  return Object.fromEntries(keys.map((key, i) => [key, values[i]]));
}

async function dumpKey(redis: Redis, key: string): Promise<unknown> {
  const type = await redis.type(key);
  switch (type) {
    case 'hash':
      return await redis.hgetall(key);
    case 'zset':
      return toScores(await redis.zrange(key, 0, '-1', 'WITHSCORES'));
    case 'stream':
      return await redis.xrange(key, '-', '+');
    case 'string':
      return await redis.get(key);
    default:
      return type;
  }
}

function toScores(flat: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    flat.flatMap((member, i) => (i % 2 === 0 ? [[member, Number(flat[i + 1])]] : [])),
  );
}
