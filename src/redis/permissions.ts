import type { Keys } from './keys.ts';

/** What a process does with Redis; each needs rights of its own. */
export interface ProcessRoles {
  readonly applies: boolean;
  readonly serves: boolean;
  /** Whether it takes events and webhooks over HTTP. */
  readonly takes: boolean;
}

/** A command on a key that a process runs, as it is tried. */
export interface Need {
  /** The command as an ACL rule names it, in lower case: `xadd`, `xinfo|stream`. */
  readonly command: string;
  readonly args: readonly string[];
  /** Undefined: a command without a key. */
  readonly key: string | undefined;
  /** What is missed without it. Undefined: it is needed. */
  readonly else?: string;
}

/** Every command that the process runs on each kind of key, in its scripts or beside them. */
export function needsOf(roles: ProcessRoles, keys: Keys): Need[] {
  const { projector, lease, events, updates, quarantine } = keys;
  const row = keys.execution('x');
  const set = keys.executions.all();
  const needs = new Map<string, Need>();
  // What one part of the process cannot do without counts, whatever another would only miss.
  const add = (key: string, names: readonly Name[], otherwise?: string) => {
    for (const name of names) {
      const place = `${name} ${key}`;
      const need = { command: name, args: COMMANDS[name](key), key };
      if (otherwise === undefined) needs.set(place, need);
      else if (!needs.has(place)) needs.set(place, { ...need, else: otherwise });
    }
  };
  if (roles.applies) {
    add(projector, ['hget', 'hmget', 'hset']);
    add(lease, ['get', 'set', 'del']);
    add(events, ['xrange', 'xread', 'xtrim']);
    add(updates, ['xadd', 'xtrim', 'xlen', 'type']);
    add(quarantine, ['xadd', 'type']);
    add(row, ['hgetall', 'hset', 'del']);
    add(set, ['zadd', 'zrem', 'type']);
    needs.set('time', { command: 'time', args: ['TIME'], key: undefined });
    add(events, ['xinfo|stream', 'exists'], 'nobody is told when producers trim');
  }
  if (roles.serves) {
    add(projector, ['hget', 'hmget', 'hset']);
    add(updates, ['xread', 'xrange', 'xrevrange', 'xlen', 'exists', 'xinfo|stream']);
    add(row, ['hgetall', 'hmget']);
    add(set, ['zrange', 'zscore', 'zrevrank', 'zcount']);
  }
  if (roles.takes) {
    add(events, ['xadd', 'type']);
    add(quarantine, ['xadd', 'type']);
    add(keys.intake.record('x'), ['get', 'set', 'type']);
    add(keys.intake.projectOf('x'), ['mget', 'set', 'exists', 'type']);
    add(keys.intake.linksTold('x'), ['mget', 'set', 'type']);
    add(keys.intake.executionsOf('x', 'x', 'x'), ['smembers', 'sadd', 'expire', 'type']);
    add(keys.intake.pullRequestsOf('x', 'x', 'x'), ['smembers', 'sadd', 'expire', 'type']);
    add(`${keys.intake.rate}:x`, ['set', 'incrby', 'pttl', 'expire'], 'each server counts alone');
  }
  for (const key of [events, quarantine]) {
    add(key, ['xlen', 'xrange'], 'the metrics of lag and sizes are unknown');
  }
  return [...needs.values()];
}

type Name = keyof typeof COMMANDS;

/** As they are tried: what reads, reads next to nothing; what writes is not run. */
const COMMANDS = {
  get: (key: string) => ['GET', key],
  set: (key: string) => ['SET', key, '1'],
  mget: (key: string) => ['MGET', key],
  del: (key: string) => ['DEL', key],
  exists: (key: string) => ['EXISTS', key],
  type: (key: string) => ['TYPE', key],
  expire: (key: string) => ['EXPIRE', key, '60'],
  pttl: (key: string) => ['PTTL', key],
  incrby: (key: string) => ['INCRBY', key, '1'],
  hget: (key: string) => ['HGET', key, 'x'],
  hmget: (key: string) => ['HMGET', key, 'x'],
  hgetall: (key: string) => ['HGETALL', key],
  hset: (key: string) => ['HSET', key, 'x', '1'],
  sadd: (key: string) => ['SADD', key, 'x'],
  smembers: (key: string) => ['SMEMBERS', key],
  zadd: (key: string) => ['ZADD', key, '1', 'x'],
  zrem: (key: string) => ['ZREM', key, 'x'],
  zrange: (key: string) => ['ZRANGE', key, '0', '0'],
  zscore: (key: string) => ['ZSCORE', key, 'x'],
  zrevrank: (key: string) => ['ZREVRANK', key, 'x'],
  zcount: (key: string) => ['ZCOUNT', key, '0', '0'],
  xadd: (key: string) => ['XADD', key, '*', 'x', '1'],
  xlen: (key: string) => ['XLEN', key],
  xtrim: (key: string) => ['XTRIM', key, 'MINID', '0'],
  xrange: (key: string) => ['XRANGE', key, '0', '0'],
  xrevrange: (key: string) => ['XREVRANGE', key, '0', '0'],
  xread: (key: string) => ['XREAD', 'COUNT', '1', 'STREAMS', key, '$'],
  'xinfo|stream': (key: string) => ['XINFO', 'STREAM', key],
} as const;
