import type { Redis } from 'ioredis';
import type { StoredEntry } from '../model/history.ts';

/** Everything that Redis holds of Tasktrail, as it is there. */
export interface Stored {
  readonly events: readonly StoredEntry[];
  readonly feed: readonly StoredEntry[];
  readonly quarantine: readonly StoredEntry[];
  readonly projector: Readonly<Record<string, string>>;
  /** Rows, by their keys. */
  readonly hashes: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** Ordered sets, by their keys: member to score. */
  readonly sets: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** Further keys under `task-tracking:`. */
  readonly others: readonly string[];
}

const PROJECTOR = 'task-tracking:projector';
const LEASE = 'task-tracking:projector:lease';

export async function readStored(redis: Redis): Promise<Stored> {
  const keys = (await redis.keys('task-tracking:*')).filter(
    (key) => key !== PROJECTOR && key !== LEASE,
  );
  const types = await Promise.all(keys.map((key) => redis.type(key)));
  const ofType = (type: string) => keys.filter((_, index) => types[index] === type);
  const hashes = ofType('hash').map(async (key) => [key, await redis.hgetall(key)] as const);
  const sets = ofType('zset').map(async (key) => [key, await readSet(redis, key)] as const);
  return {
    events: await readStream(redis, 'task-events:v1'),
    feed: await readStream(redis, 'task-updates:v1'),
    quarantine: await readStream(redis, 'task-events:v1:quarantine'),
    projector: await redis.hgetall(PROJECTOR),
    hashes: new Map(await Promise.all(hashes)),
    sets: new Map(await Promise.all(sets)),
    others: keys.filter((_, index) => types[index] !== 'hash' && types[index] !== 'zset'),
  };
}

async function readStream(redis: Redis, key: string): Promise<StoredEntry[]> {
  const entries = await redis.xrangeBuffer(key, '-', '+');
  return entries.map(([id, pairs]) => ({ id: String(id), pairs }));
}

async function readSet(redis: Redis, key: string): Promise<ReadonlyMap<string, number>> {
  const flat = await redis.zrange(key, '0', '-1', 'WITHSCORES');
  const pairs = flat.flatMap((member, index) =>
    index % 2 === 0 ? [[member, Number(flat[index + 1])] as const] : [],
  );
  return new Map(pairs);
}
