import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';

/** A script's file, read once; its header lists KEYS, ARGV and what it returns. */
export interface Script {
  readonly source: string;
  readonly sha1: string;
}

/** Reads `scripts/<name>.lua`. */
export function loadScript(name: string): Script {
  const source = readFileSync(new URL(`scripts/${name}.lua`, import.meta.url), 'utf8');
  return { source, sha1: createHash('sha1').update(source).digest('hex') };
}

/**
 * Runs a script by its hash, and sends its text where the server does not hold it: it is new, was
 * restarted, or failed over.
 */
export async function runScript(
  redis: Redis,
  script: Script,
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<unknown> {
  // One array: a call takes only so many arguments, and a commit may have hundreds of thousands.
  const operands = [...keys, ...args.map(String)];
  try {
    return await redis.evalsha(script.sha1, keys.length, operands);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return await redis.eval(script.source, keys.length, operands);
  }
}

/** As `runScript`, with bytes given and returned. */
export async function runScriptOnBytes(
  redis: Redis,
  script: Script,
  keys: readonly string[],
  args: readonly (string | number | Buffer)[],
): Promise<unknown> {
  const operands = [keys.length, ...keys, ...args];
  try {
    return await redis.callBuffer('EVALSHA', [script.sha1, ...operands]);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return await redis.callBuffer('EVAL', [script.source, ...operands]);
  }
}
