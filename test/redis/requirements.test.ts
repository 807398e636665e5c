import { describe, expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { type Need, needsOf } from '../../src/redis/permissions.ts';
import { judgeRequirements, type RedisFacts } from '../../src/redis/requirements.ts';

/** As it should be. */
const GOOD: RedisFacts = {
  product: 'redis',
  version: '7.0.15',
  mode: 'standalone',
  maxmemory: 1_000_000,
  evictionPolicy: 'noeviction',
  isAppendOnly: true,
  savePoints: '',
  user: 'default',
  refusals: [],
};

/** What is found, as `severity requirement`. */
const found = (facts: Partial<RedisFacts>) =>
  judgeRequirements({ ...GOOD, ...facts }).map(
    ({ severity, requirement }) => `${severity} ${requirement}`,
  );
const textOf = (facts: Partial<RedisFacts>) =>
  judgeRequirements({ ...GOOD, ...facts })
    .map(({ problem, remedy }) => `${problem}; ${remedy}`)
    .join('\n');

test('a Redis as it should be is found without fault', () => {
  expect(found({})).toEqual([]);
});

describe('the version', () => {
  test.for<[product: string, version: string, expected: string[]]>([
    ['redis', '7.0.0', []],
    ['redis', '8.0.2', []],
    ['redis', '10.1.0', []],
    ['valkey', '8.1.1', []],
    ['valkey', '7.2.4', []],
    ['redis', '6.2.14', ['fatal version']],
    ['redis', '5.0.14', ['fatal version']],
    ['redis', 'unstable', ['fatal version']],
  ])('%s %s: %j', ([product, version, expected]) => {
    expect(found({ product, version })).toEqual(expected);
  });

  test('that is too old is named with what to do', () => {
    expect(textOf({ version: '6.2.14' })).toBe(
      'this is Redis 6.2.14, and 7.0 is the oldest that works; upgrade it to Redis or Valkey 7.0 or newer',
    );
  });
});

describe('the mode', () => {
  test('of a cluster is refused, with the reason', () => {
    expect(found({ mode: 'cluster' })).toEqual(['fatal mode']);
    expect(textOf({ mode: 'cluster' })).toMatch(/no hash tag.*cluster-enabled no/);
  });

  test('of a Sentinel is refused, with how to name it', () => {
    expect(found({ mode: 'sentinel' })).toEqual(['fatal mode']);
    expect(textOf({ mode: 'sentinel' })).toContain('redis+sentinel://');
  });
});

describe('eviction', () => {
  test.for([
    'allkeys-lru',
    'allkeys-lfu',
    'allkeys-random',
    'volatile-lru',
    'volatile-lfu',
    'volatile-random',
    'volatile-ttl',
  ])('by %s is refused where memory is bounded, else warned of', (evictionPolicy) => {
    expect(found({ evictionPolicy })).toEqual(['fatal eviction']);
    expect(found({ evictionPolicy, maxmemory: 0 })).toEqual(['warning eviction']);
    expect(textOf({ evictionPolicy })).toContain('run CONFIG SET maxmemory-policy noeviction');
    expect(textOf({ evictionPolicy })).toContain('"maxmemory-policy noeviction" into redis.conf');
  });
});

describe('persistence', () => {
  test.for<[savePoints: string | undefined, words: string]>([
    ['', 'every event and task is lost'],
    ['3600 1 300 100', 'since its last snapshot'],
    [undefined, 'since its last snapshot'],
  ])('without the append-only file and with snapshots %j is warned of', ([savePoints, words]) => {
    const facts = { isAppendOnly: false, savePoints };
    expect(found(facts)).toEqual(['warning persistence']);
    expect(textOf(facts)).toContain(words);
    expect(textOf(facts)).toMatch(
      /run CONFIG SET appendonly yes, then .*"appendonly yes".*redis.conf/,
    );
  });
});

describe('permissions', () => {
  const needs = needsOf({ applies: true, serves: true, takes: true }, KEYS);
  const needOf = (command: string, key: string): Need => {
    const need = needs.find((each) => each.command === command && each.key === key);
    if (need === undefined) throw new Error(`${command} on ${key} is not needed`);
    return need;
  };

  test('that are missing are refused together, with the line that gives them', () => {
    const facts = {
      user: 'low',
      refusals: [
        { kind: 'command' as const, need: needOf('xtrim', KEYS.events) },
        { kind: 'command' as const, need: needOf('xtrim', KEYS.updates) },
        { kind: 'key' as const, need: needOf('hset', KEYS.execution('x')) },
      ],
    };
    expect(found(facts)).toEqual(['fatal permissions']);
    const text = textOf(facts);
    expect(text).toContain(
      'XTRIM on task-events:*, XTRIM on task-updates:*, HSET on task-tracking:*',
    );
    expect(text).toContain('run ACL SETUSER low +xtrim ~task-tracking:*, and add');
  });

  test('to run scripts are all that is told where they are missing', () => {
    const facts = { refusals: [{ kind: 'scripts' as const, command: 'evalsha' }] };
    expect(found(facts)).toEqual(['fatal permissions']);
    expect(textOf(facts)).toMatch(/may not run EVALSHA.*\+eval \+evalsha/);
  });

  test('that are only good for more are noted, with what is missed', () => {
    const need = needs.find(
      ({ command, key }) => command === 'xinfo|stream' && key === KEYS.events,
    );
    const refusals = need === undefined ? [] : [{ kind: 'command' as const, need }];
    expect(found({ refusals })).toEqual(['note permissions']);
    expect(textOf({ refusals })).toMatch(/XINFO STREAM.*producers trim.*\+xinfo\|stream/);
  });
});

test('what this user may not ask for is noted, and refuses nothing', () => {
  const nothingKnown = {
    product: undefined,
    version: undefined,
    mode: undefined,
    maxmemory: undefined,
    evictionPolicy: undefined,
    isAppendOnly: undefined,
    savePoints: undefined,
  };
  expect(found(nothingKnown)).toEqual(['note version', 'note eviction', 'note persistence']);
});

test('everything that is wrong is found at once', () => {
  const wrong = {
    version: '6.0.0',
    mode: 'cluster',
    evictionPolicy: 'allkeys-lru',
    isAppendOnly: false,
    refusals: [{ kind: 'scripts' as const, command: 'eval' }],
  };
  expect(found(wrong)).toEqual([
    'fatal version',
    'fatal mode',
    'fatal eviction',
    'warning persistence',
    'fatal permissions',
  ]);
});
