import { readdir, readFile } from 'node:fs/promises';
import type { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { needsOf } from '../../src/redis/permissions.ts';
import { isRefused } from '../../src/redis/refused.ts';
import { readFacts } from '../../src/redis/requirements-reader.ts';
import { useRedis } from '../fixtures/redis.ts';
import { type RedisUser, shippedUsers } from '../fixtures/redis-users.ts';

const server = useRedis();

const USERS = ['producer', 'emit', 'projector', 'server', 'all', 'operator'] as const;

const ROW = KEYS.execution('run-1');
const SET = KEYS.executions.byStatus('queued');
const RECORD = KEYS.intake.record('digest');
const COMMIT = KEYS.intake.executionsOf('github', 'acme/api', 'sha');
const RATE = `${KEYS.intake.rate}:address:digest`;
const { events, quarantine, updates, projector, lease, repair } = KEYS;

const WRITERS = ['projector', 'all', 'operator'] as const;
const READERS = ['projector', 'server', 'all', 'operator'] as const;
const SCRIPTED = ['emit', ...READERS] as const;
const INTAKE = ['server', 'all'] as const;

type Row = readonly [what: string, command: string, who: readonly RedisUser[]];

/** Who may do what; everybody else must be refused. Arguments are separated by spaces. */
const TABLE: readonly Row[] = [
  ['append an event', `XADD ${events} * a b`, ['producer', 'emit', 'server', 'all', 'operator']],
  ['read events', `XRANGE ${events} - +`, READERS],
  ['wait for events', `XREAD COUNT 1 STREAMS ${events} 0`, ['projector', 'all']],
  ['trim events', `XTRIM ${events} MINID 0`, ['projector', 'all']],
  ['take an event out', `XDEL ${events} 1-1`, []],
  ['delete all events', `DEL ${events}`, []],
  ['hide all events', `RENAME ${events} ${RECORD}`, []],
  ['put something else in their place', `SET ${events} x`, []],
  ['quarantine an entry', `XADD ${quarantine} * a b`, ['projector', 'server', 'all']],
  ['look into the quarantine', `XRANGE ${quarantine} - +`, READERS],
  ['take an entry out of the quarantine', `XDEL ${quarantine} 1-1`, ['operator']],
  ['tell of a change', `XADD ${updates} * a b`, ['projector', 'all']],
  ['follow changes', `XREAD COUNT 1 STREAMS ${updates} 0`, ['server', 'all', 'operator']],
  ['trim changes', `XTRIM ${updates} MAXLEN 100000`, ['projector', 'all']],
  ['delete all changes', `DEL ${updates}`, ['operator']],
  ['read a task', `HGETALL ${ROW}`, READERS],
  ['write a task', `HSET ${ROW} status queued`, WRITERS],
  ['delete a task', `DEL ${ROW}`, WRITERS],
  ['list tasks', `ZRANGE ${SET} 0 -1`, INTAKE],
  ['walk over all tasks', `ZSCAN ${SET} 0`, ['operator']],
  ['put a task on a list', `ZADD ${SET} 1 run-1`, WRITERS],
  ['take a task off a list', `ZREM ${SET} run-1`, WRITERS],
  ['read the checkpoint', `HGET ${projector} checkpoint`, READERS],
  ['open a history', `HSET ${projector} epoch e1`, READERS],
  ['delete checkpoint and epoch', `DEL ${projector}`, WRITERS],
  ['hold the lease', `SET ${lease} me PX 1000`, ['projector', 'all']],
  ['note how far a repair is', `HSET ${repair} mode check`, WRITERS],
  ['see what was appended before', `GET ${RECORD}`, ['emit', 'server', 'all', 'operator']],
  ['remember what was appended', `SET ${RECORD} 1-1 EX 60`, ['emit', 'server', 'all', 'operator']],
  ['forget what was appended', `DEL ${RECORD}`, []],
  ['note a run of a commit', `SADD ${COMMIT} run-1`, INTAKE],
  ['count a request', `INCRBY ${RATE} 1`, INTAKE],
  ['run a script', 'EVAL return(1) 0', SCRIPTED],
  ['ask how Redis is', 'INFO', SCRIPTED],
  ['name its connection', 'CLIENT SETNAME tasktrail', USERS],
  ['use another database', 'SELECT 1', USERS],
  ['see the names of all keys', 'SCAN 0', ['operator']],
  ['see the names of all keys at once', 'KEYS *', []],
  ['read what is of others', 'GET session:1', []],
  ['write what is of others', 'SET session:1 x', []],
  ['empty Redis', 'FLUSHALL', []],
  ['empty a database', 'FLUSHDB', []],
  ['read the configuration', 'CONFIG GET *', []],
  ['change the configuration', 'CONFIG SET appendonly no', []],
  ['see users and passwords', 'ACL LIST', []],
  ['make users', 'ACL SETUSER eve on nopass', []],
  ['see what others run', 'MONITOR', []],
  ['see who is connected', 'CLIENT LIST', []],
  ['disconnect others', 'CLIENT KILL TYPE normal', []],
  ['make it a replica', 'REPLICAOF 127.0.0.1 1', []],
  ['send messages', 'PUBLISH channel x', []],
  ['load code', 'FUNCTION FLUSH', []],
  ['freeze it', 'CLIENT PAUSE 1', []],
  ['stop it', 'SHUTDOWN NOSAVE', []],
];

/**
 * What each user's processes and commands run. `emit` runs only a part of a script, which its own
 * tests show to be permitted.
 */
const SCRIPTS: Partial<Record<RedisUser, readonly string[]>> = {
  projector: [
    ...['commit', 'read-events', 'hold-lease', 'release-lease', 'replace-epoch'],
    ...['set-layout', 'trim', 'account-events', 'mark-ahead', 'try-command'],
  ],
  server: [
    ...['read-feed', 'read-feed-tail', 'read-page', 'replace-epoch', 'append-once', 'try-command'],
  ],
  operator: [
    ...['read-events', 'replace-epoch', 'read-quarantine', 'replay-quarantined'],
    ...['mend', 'read-moment', 'end-repair', 'restore-checkpoint', 'drop-wrong-type'],
  ],
};

let admin: Redis;

beforeEach(() => {
  admin = server.connect();
});

afterEach(async () => {
  // Refusals are what these tests are about.
  await admin.acl('LOG', 'RESET');
});

describe('only who is named may', () => {
  test.for(TABLE)('%s', async ([, command, who]) => {
    const [name = '', ...args] = command.split(' ');
    const may: RedisUser[] = [];
    for (const user of USERS) {
      const refusal = await refusalOf(server.connectAs(user).call(name, args));
      if (refusal === undefined) may.push(user);
    }
    expect(may.sort()).toEqual([...who].sort());
  });

  test.for([
    ['events', `redis.call('DEL', '${events}')`],
    ['records', `redis.call('DEL', '${RECORD}')`],
    ['keys of others', `redis.call('SET', 'session:1', 'x')`],
    ['everything', `redis.call('FLUSHALL')`],
  ])('and nobody may use a script to delete or write %s', async ([, script = '']) => {
    for (const user of USERS) {
      const refusal = await refusalOf(server.connectAs(user).eval(script, 0));
      expect(refusal?.message, user).toMatch(/NOPERM|user executing the script|ACL failure/);
    }
  });

  test('and a server writes no task by a script either', async () => {
    const write = `redis.call('HSET', KEYS[1], 'status', 'success')`;
    expect(await refusalOf(server.connectAs('server').eval(write, 1, ROW))).toBeDefined();
    expect(await refusalOf(server.connectAs('projector').eval(write, 1, ROW))).toBeUndefined();
  });
});

describe('what a process tries at start is granted to its user', () => {
  test.for([
    ['projector', { applies: true, serves: false, takes: false }],
    ['server', { applies: false, serves: true, takes: true }],
    ['all', { applies: true, serves: true, takes: true }],
  ] as const)('%s', async ([user, roles]) => {
    const { refusals } = await readFacts(server.connectAs(user), needsOf(roles, KEYS));
    expect(refusals).toEqual([]);
  });
});

describe('scripts', () => {
  test.for(Object.entries(SCRIPTS))(
    'of %s run no command that it may not',
    async ([user, names]) => {
      const rules = (await rulesOf(`tasktrail-${user}`)).join(' ');
      for (const name of names) {
        const source = await readFile(new URL(`${name}.lua`, SCRIPT_FILES), 'utf8');
        const refused = commandsIn(source).filter((command) => !hasRule(rules, command));
        expect(refused, name).toEqual([]);
      }
    },
  );

  test('are each run by somebody', async () => {
    const files = (await readdir(SCRIPT_FILES)).map((file) => file.replace('.lua', ''));
    expect([...new Set(Object.values(SCRIPTS).flat())].sort()).toEqual(files.sort());
  });
});

describe('the shipped file', () => {
  test('lets nobody in until a password is given: none has one, and the default user is off', async () => {
    const lines = await shippedUsers();
    expect(lines[0]).toBe('user default off');
    for (const line of lines) expect(line).not.toMatch(/nopass|>|#/);
  });

  test('grants nothing but by name: no user of the program has a category or all keys', async () => {
    const lines = (await shippedUsers()).filter((line) => line.startsWith('user tasktrail-'));
    expect(lines.map((line) => line.split(' ')[1])).toEqual(
      USERS.map((user) => `tasktrail-${user}`),
    );
    for (const line of lines) {
      expect(line).not.toMatch(/\+@|allcommands|allkeys|allchannels|[~&]\*/);
    }
  });

  test('gives a process that is projector and server what both have', async () => {
    const [ofProjector, ofServer, ofAll] = await Promise.all(
      ['projector', 'server', 'all'].map((user) => rulesOf(`tasktrail-${user}`)),
    );
    const both = new Set([...(ofProjector ?? []), ...(ofServer ?? [])]);
    expect(ofAll?.toSorted()).toEqual([...both].sort());
  });

  test.for(USERS.filter((user) => user !== 'all'))(
    'has no rule of tasktrail-%s of which README.md does not say why, nor the other way round',
    async (user) => {
      const readme = await readFile(README, 'utf8');
      const common = sectionOf(readme, 'Why each user may do what it may');
      const own = sectionOf(readme, `tasktrail-${user}`);
      const explained = [...explainedIn(common), ...explainedIn(own)];
      expect(explained.sort()).toEqual((await rulesOf(`tasktrail-${user}`)).sort());
    },
  );
});

const README = new URL('../../deploy/redis/README.md', import.meta.url);
const SCRIPT_FILES = new URL('../../src/redis/scripts/', import.meta.url);

/** As rules name them: what is called, and what is passed on to be called. */
function commandsIn(source: string): string[] {
  const calls = [...source.matchAll(/\b(?:redis\.p?call|ask)\('(\w+)'(?:, '(STREAM)')?/g)];
  return calls.map(([, name, sub]) => [name, sub].filter(Boolean).join('|').toLowerCase());
}

function hasRule(rules: string, command: string): boolean {
  return rules.split(/[\s()]+/).includes(`+${command}`);
}

/** What the file gives a user, selectors whole. */
async function rulesOf(user: string): Promise<string[]> {
  const line = (await shippedUsers()).find((one) => one.startsWith(`user ${user} `)) ?? '';
  return (line.match(/\([^)]*\)|[^\s(]+/g) ?? []).slice(3);
}

/** What comes after a heading, up to the next one. */
function sectionOf(text: string, heading: string): string {
  return text.split(/^#+ /m).find((section) => section.startsWith(`${heading}\n`)) ?? '';
}

/** The rules that list items begin with. */
function explainedIn(section: string): string[] {
  const items = section.split(/^- /m).slice(1);
  return items.flatMap((item) => {
    const head = item.slice(0, item.search(/`:\s/) + 1);
    return [...head.matchAll(/`([^`]+)`/g)].map(([, rule = '']) => rule.replace(/\s+/g, ' '));
  });
}

/** The answer of a Redis that refuses; undefined where it does what was asked, or fails to. */
async function refusalOf(asked: Promise<unknown>): Promise<Error | undefined> {
  const answer = await asked.catch((error: unknown) => error);
  return isRefused(answer) ? answer : undefined;
}
