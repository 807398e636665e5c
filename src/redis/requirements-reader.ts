import type { Redis } from 'ioredis';
import type { Need } from './permissions.ts';
import { isRefused } from './refused.ts';
import type { RedisFacts, Refusal } from './requirements.ts';
import { loadScript, runScript } from './script.ts';
import { isRedisAway } from './trouble.ts';

const TRY_COMMAND = loadScript('try-command');

/**
 * Finds out what the Redis at the other end is like, and what this user may do. Writes nothing.
 *
 * @param needs what is tried
 * @throws what says that Redis is away
 */
export async function readFacts(redis: Redis, needs: readonly Need[]): Promise<RedisFacts> {
  const [hello, info, refusals] = await Promise.all([
    // Permitted to everybody.
    unlessRefused(redis.call('HELLO').then(toMap)),
    unlessRefused(redis.info().then(parseInfo)),
    readRefusals(redis, needs),
  ]);
  // Only for what is not known yet: whoever may not ask is written down by Redis.
  const isKnown = info?.get('aof_enabled') === '1';
  const config = isKnown ? undefined : await readConfig(redis);
  const user = refusals.length === 0 ? undefined : await unlessRefused(redis.acl('WHOAMI'));
  const maxmemory = info?.get('maxmemory') ?? config?.get('maxmemory');
  const appendOnly = info?.get('aof_enabled') ?? config?.get('appendonly');
  return {
    product: hello?.get('server') ?? info?.get('server_name'),
    version: hello?.get('version') ?? info?.get('redis_version'),
    mode: hello?.get('mode') ?? info?.get('redis_mode'),
    maxmemory: maxmemory === undefined ? undefined : Number(maxmemory),
    evictionPolicy: info?.get('maxmemory_policy') ?? config?.get('maxmemory-policy'),
    isAppendOnly: appendOnly === undefined ? undefined : /^(1|yes)$/.test(appendOnly),
    savePoints: config?.get('save'),
    user: user ?? redis.options.username ?? 'default',
    refusals,
  };
}

async function readConfig(redis: Redis): Promise<ReadonlyMap<string, string> | undefined> {
  const names = ['maxmemory', 'maxmemory-policy', 'appendonly', 'save'];
  return await unlessRefused(redis.config('GET', ...names).then(toMap));
}

/** Whoever hides a command makes it unknown; only that Redis is away must not pass for a refusal. */
async function unlessRefused<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isRedisAway(error)) throw error;
    return undefined;
  }
}

async function readRefusals(redis: Redis, needs: readonly Need[]): Promise<Refusal[]> {
  const scripts = await Promise.all([
    tryScript('eval', () => redis.eval(TRY_COMMAND.source, 0, 'PING')),
    tryScript('evalsha', () => redis.evalsha(TRY_COMMAND.sha1, 0, 'PING')),
  ]);
  const refused = scripts.filter((refusal) => refusal !== undefined);
  if (refused.length > 0) return refused;
  const tried = await Promise.all(needs.map((need) => tryNeed(redis, need)));
  return tried.filter((refusal) => refusal !== undefined);
}

async function tryScript(
  command: string,
  run: () => Promise<unknown>,
): Promise<Refusal | undefined> {
  try {
    await run();
  } catch (error) {
    if (isRefused(error)) return { kind: 'scripts', command };
    if (isRedisAway(error)) throw error;
  }
  return undefined;
}

async function tryNeed(redis: Redis, need: Need): Promise<Refusal | undefined> {
  const answer = await why(redis, need);
  if (!isRefused(answer)) return undefined;
  return { kind: /\bkeys?\b/.test(answer.message) ? 'key' : 'command', need };
}

/** Why it may not be run. Keys are judged before the script's first line, commands within it. */
async function why(redis: Redis, { args, key }: Need): Promise<Error> {
  try {
    const keys = key === undefined ? [] : [key];
    return new Error(String(await runScript(redis, TRY_COMMAND, keys, args)));
  } catch (error) {
    if (!(error instanceof Error) || isRedisAway(error)) throw error;
    return error;
  }
}

/** Name, value, name, value …, as Redis lists them. */
function toMap(list: unknown): ReadonlyMap<string, string> {
  const map = new Map<string, string>();
  if (!Array.isArray(list)) return map;
  for (let i = 0; i + 1 < list.length; i += 2) map.set(String(list[i]), String(list[i + 1]));
  return map;
}

/** INFO's answer: lines of `name:value`. */
function parseInfo(text: string): ReadonlyMap<string, string> {
  const lines = text.split(/\r?\n/).filter((line) => /^\w+:/.test(line));
  return new Map(
    lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  );
}
