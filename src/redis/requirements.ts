import type { Need } from './permissions.ts';

/**
 * What Redis must be like for events to be safe in it, and what is wrong with the one at hand. Pure:
 * `requirements-reader.ts` finds out, `requirements-service.ts` tells. (PROTOCOL.md, "Keys")
 */

/** What could be found out; undefined where this user may not ask. */
export interface RedisFacts {
  /** `redis` or `valkey`. */
  readonly product: string | undefined;
  /** Of the product itself: a Valkey also names the Redis that it is like. */
  readonly version: string | undefined;
  /** `standalone`, `cluster` or `sentinel`. */
  readonly mode: string | undefined;
  /** Bytes; 0: no limit. */
  readonly maxmemory: number | undefined;
  readonly evictionPolicy: string | undefined;
  readonly isAppendOnly: boolean | undefined;
  /** When snapshots are written, as redis.conf says it; empty: never. */
  readonly savePoints: string | undefined;
  /** Who this process is to Redis. */
  readonly user: string;
  readonly refusals: readonly Refusal[];
}

/** What this user may not do. */
export type Refusal =
  /** `EVAL` or `EVALSHA` itself: nothing else could be tried. */
  | { readonly kind: 'scripts'; readonly command: string }
  | { readonly kind: 'command' | 'key'; readonly need: Need };

/** Fatal: with it the process does not start. */
export type Severity = 'fatal' | 'warning' | 'note';

export interface Finding {
  readonly requirement: Requirement;
  readonly severity: Severity;
  /** What is wrong, and what comes of it. */
  readonly problem: string;
  /** What to run, and what to write into the configuration. */
  readonly remedy: string;
}

export type Requirement = 'version' | 'mode' | 'eviction' | 'persistence' | 'permissions';

/** Scripts say in their first line what they do, which began with 7.0, as did what streams count. */
const OLDEST_MAJOR = 7;

/** Everything that is wrong or cannot be known, in no order. */
export function judgeRequirements(facts: RedisFacts): Finding[] {
  return [
    ...judgeVersion(facts),
    ...judgeMode(facts),
    ...judgeEviction(facts),
    ...judgePersistence(facts),
    ...judgePermissions(facts),
  ];
}

function judgeVersion({ product, version }: RedisFacts): Finding[] {
  if (version === undefined) return [unknown('version', 'the version of Redis', 'info')];
  if (Number.parseInt(version, 10) >= OLDEST_MAJOR) return [];
  const name = product === 'valkey' ? 'Valkey' : 'Redis';
  const problem = `this is ${name} ${version}, and 7.0 is the oldest that works`;
  return [fatal('version', problem, 'upgrade it to Redis or Valkey 7.0 or newer')];
}

function judgeMode({ mode }: RedisFacts): Finding[] {
  switch (mode) {
    case 'cluster':
      return [
        fatal(
          'mode',
          'this Redis runs in cluster mode: one commit writes many keys, which have no hash tag ' +
            'and so are on different nodes',
          'use one without cluster mode, with Sentinel for failover (redis.conf: cluster-enabled no)',
        ),
      ];
    case 'sentinel':
      return [
        fatal(
          'mode',
          'this is a Sentinel, which holds no data',
          'set TASK_TRACKING_REDIS_URL to redis+sentinel://host:port,host:port/primary-name',
        ),
      ];
    default:
      return [];
  }
}

function judgeEviction({ maxmemory, evictionPolicy }: RedisFacts): Finding[] {
  if (maxmemory === undefined || evictionPolicy === undefined) {
    return [unknown('eviction', 'maxmemory-policy, which must be noeviction', 'info')];
  }
  if (evictionPolicy === 'noeviction') return [];
  const remedy = setBoth('maxmemory-policy noeviction');
  const set = `maxmemory-policy is ${evictionPolicy}`;
  return maxmemory > 0
    ? [fatal('eviction', `${set}: when memory is full, Redis deletes events and tasks`, remedy)]
    : [
        {
          requirement: 'eviction',
          severity: 'warning',
          problem: `${set}: once maxmemory is set, Redis deletes events and tasks when it is full`,
          remedy,
        },
      ];
}

function judgePersistence({ isAppendOnly, savePoints }: RedisFacts): Finding[] {
  if (isAppendOnly === undefined) {
    return [unknown('persistence', 'appendonly, which must be yes', 'info')];
  }
  if (isAppendOnly) return [];
  const off = 'the append-only file is off';
  const problem =
    savePoints === ''
      ? `${off}, and so are snapshots: whenever Redis stops, every event and task is lost`
      : `${off}: when Redis stops, the events since its last snapshot are lost`;
  // In this order: a Redis that is restarted with the line alone may begin with an empty file.
  const remedy = setBoth('appendonly yes');
  return [{ requirement: 'persistence', severity: 'warning', problem, remedy }];
}

function judgePermissions({ user, refusals }: RedisFacts): Finding[] {
  const scripts = refusals.filter((refusal) => refusal.kind === 'scripts');
  if (scripts.length > 0) {
    const names = scripts.map(({ command }) => command.toUpperCase()).join(' and ');
    const problem = `the user ${user} of Redis may not run ${names}, and nothing works without`;
    return [fatal('permissions', problem, grant(user, ['+eval', '+evalsha']))];
  }
  const rest = refusals.filter((refusal) => refusal.kind !== 'scripts');
  const byLoss = Map.groupBy(rest, ({ need }) => need.else);
  return [...byLoss].map(([loss, refused]) => {
    const which = unique(refused.map(({ need }) => wordsOf(need))).join(', ');
    const rules = unique(refused.map(ruleOf));
    return {
      requirement: 'permissions',
      severity: loss === undefined ? 'fatal' : 'note',
      problem: `the user ${user} of Redis may not run ${which}${loss === undefined ? '' : `: ${loss}`}`,
      remedy: grant(user, rules),
    };
  });
}

function wordsOf({ command, key }: Need): string {
  const name = command.toUpperCase().replace('|', ' ');
  return key === undefined ? name : `${name} on ${patternOf(key)}`;
}

function ruleOf({ kind, need }: Exclude<Refusal, { readonly kind: 'scripts' }>): string {
  return kind === 'key' && need.key !== undefined ? `~${patternOf(need.key)}` : `+${need.command}`;
}

/** Keys are given out by their first part: they are many, and of one purpose. */
function patternOf(key: string): string {
  return `${key.split(':')[0]}:*`;
}

function grant(user: string, rules: readonly string[]): string {
  const words = rules.join(' ');
  return (
    `run ACL SETUSER ${user} ${words}, and add ${words} to its line in the ACL file; ` +
    'deploy/redis/users.acl has a user for each kind of process'
  );
}

function setBoth(line: string): string {
  return `run CONFIG SET ${line}, then write the line "${line}" into redis.conf`;
}

function fatal(requirement: Requirement, problem: string, remedy: string): Finding {
  return { requirement, severity: 'fatal', problem, remedy };
}

/** Managed Redis answers no such questions, so it is no fault. */
function unknown(requirement: Requirement, what: string, command: string): Finding {
  return {
    requirement,
    severity: 'note',
    problem: `this user of Redis may not ask for ${what}`,
    remedy: `see to it where Redis is configured, or let the user ask (+${command})`,
  };
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
