import type { Redis } from 'ioredis';
import type { Keys } from '../redis/keys.ts';
import { loadScript, runScript } from '../redis/script.ts';
import { WrongSourceError } from './repair.ts';
import type { Tally } from './tally.ts';

const DROP_WRONG_TYPE = loadScript('drop-wrong-type');

export interface KeyTypeOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly writes: boolean;
  readonly tally: Tally;
}

/**
 * Nothing can be compared where the events are none, and nothing goes on where their quarantine cannot
 * be written. What is there instead is not deleted: nothing could make it again.
 *
 * @throws WrongSourceError
 */
export async function requireSources(redis: Redis, keys: Keys): Promise<void> {
  for (const key of [keys.events, keys.quarantine]) {
    const type = await redis.type(key);
    if (type !== 'none' && type !== 'stream') throw new WrongSourceError(key, type);
  }
}

/**
 * Tells the keys of state that hold another type than their names say, and deletes them: what they
 * should hold is found out as where they are gone.
 *
 * @returns the keys
 */
export async function settleKeyTypes(options: KeyTypeOptions): Promise<ReadonlySet<string>> {
  const { redis, keys, writes, tally } = options;
  const wrong = new Set<string>();
  // First the record, in which the others are noted.
  for (const [key, expected] of [
    [keys.repair, 'hash'],
    [keys.projector, 'hash'],
    [keys.updates, 'stream'],
  ] as const) {
    const probe =
      expected === 'hash' ? redis.hget(key, 'layout') : redis.xrevrange(key, '+', '-', 'COUNT', 1);
    if (!(await isOfWrongType(probe))) continue;
    wrong.add(key);
    // Of the feed the operator's Redis user may not ask for it.
    const found = expected === 'hash' ? await redis.type(key) : 'value of another type';
    const names = [key, keys.repair];
    const isMended = writes && (await runScript(redis, DROP_WRONG_TYPE, names, [expected])) === 1;
    const of = { key, executionId: null, field: null, expected, found };
    await tally.tell({ kind: 'wrong_type', ...of }, isMended);
  }
  return wrong;
}

/** Whether a command failed because its key holds another type. */
async function isOfWrongType(reply: Promise<unknown>): Promise<boolean> {
  try {
    await reply;
    return false;
  } catch (error) {
    if (isWrongType(error)) return true;
    throw error;
  }
}

export function isWrongType(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('WRONGTYPE');
}
