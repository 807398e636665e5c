import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Keys } from './keys.ts';
import { loadScript, runScript } from './script.ts';

const REPLACE_EPOCH = loadScript('replace-epoch');

/** A name for a new history: lower-case letters and digits, never the same one twice. */
export function createEpoch(): string {
  return randomBytes(8).toString('hex');
}

/**
 * Puts a new epoch in the place of the stored one, unless somebody else has just done so. Whoever
 * followed the stored one, the asker's or any that they replaced, sees that it is a successor.
 *
 * @param known the epoch that the asker followed; undefined when it followed none
 */
export async function replaceEpoch(
  redis: Redis,
  keys: Keys,
  stored: string | undefined,
  next: string,
  known: string | undefined,
): Promise<void> {
  await runScript(redis, REPLACE_EPOCH, [keys.projector], [stored ?? '', next, known ?? '']);
}
