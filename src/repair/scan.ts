import { isUtf8 } from 'node:buffer';
import type { Redis } from 'ioredis';
import type { Keys } from '../redis/keys.ts';

/** Keys, or members of a set, of one step. Redis may do a few more or less. */
const PAGE = 1000;
/** Sets that are walked over at a time. */
const SETS = 32;

/** What a step of the walk over all keys has found; what is there all the while is found. */
export interface ScannedKeys {
  /** Executions that have a row. */
  readonly rows: readonly string[];
  /** Keys of ordered sets. */
  readonly sets: readonly string[];
}

/** Walks over all keys of the read model. One may come twice. */
export async function* scanReadModel(redis: Redis, keys: Keys): AsyncGenerator<ScannedKeys> {
  const { pattern } = keys.readModel;
  let cursor = '0';
  do {
    const [next, found] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', PAGE);
    cursor = next;
    const parsed = found.map((key) => keys.readModel.parse(key));
    yield {
      rows: parsed.flatMap((key) => (key?.kind === 'row' ? [key.executionId] : [])),
      sets: parsed.flatMap((key) => (key?.kind === 'executions' ? [key.key] : [])),
    };
  } while (cursor !== '0');
}

export type ScannedSet =
  | { readonly kind: 'members'; readonly key: string; readonly members: readonly string[] }
  /** It holds no ordered set. */
  | { readonly kind: 'wrong_type'; readonly key: string };

/** Walks over the members of ordered sets; of most sets there is one step. */
export async function* scanSets(redis: Redis, sets: readonly string[]): AsyncGenerator<ScannedSet> {
  const left = sets.map((key) => ({ key, cursor: '0' }));
  while (left.length > 0) {
    const walks = left.splice(0, SETS);
    const steps = await Promise.all(walks.map(({ key, cursor }) => step(redis, key, cursor)));
    for (const { scanned, next } of steps) {
      yield scanned;
      if (next !== '0') left.unshift({ key: scanned.key, cursor: next });
    }
  }
}

/**
 * Takes members out of an ordered set that are no text, which no other walk can name. No execution has
 * such an id, so that no commit is in the way.
 *
 * @returns how many there were
 */
export async function dropUnreadableMembers(redis: Redis, set: string): Promise<number> {
  let [cursor, count] = ['0', 0];
  do {
    const [next, scored] = await redis.zscanBuffer(set, cursor, 'COUNT', PAGE);
    cursor = next.toString();
    const unreadable = scored.filter((bytes, place) => place % 2 === 0 && !isUtf8(bytes));
    if (unreadable.length > 0) count += await redis.zrem(set, ...unreadable);
  } while (cursor !== '0');
  return count;
}

async function step(
  redis: Redis,
  key: string,
  cursor: string,
): Promise<{ readonly scanned: ScannedSet; readonly next: string }> {
  try {
    const [next, scored] = await redis.zscan(key, cursor, 'COUNT', PAGE);
    const members = scored.filter((_, place) => place % 2 === 0);
    return { scanned: { kind: 'members', key, members }, next };
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('WRONGTYPE')) throw error;
    return { scanned: { kind: 'wrong_type', key }, next: '0' };
  }
}
