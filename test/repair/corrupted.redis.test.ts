import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { useRedis } from '../fixtures/redis.ts';
import type { Dump } from '../projector/keyspace.ts';
import {
  aRunEntry,
  dumpReadModel,
  entriesOf,
  projectEntries,
  type Repairing,
  repair,
} from './repairing.ts';

const server = useRedis();
const { execution, executions } = KEYS;
const ROW = execution('run-1');
const AT = 1_795_176_000_000;
const GHOSTS = executions.byProject('ghost/town');
let redis: Redis;
/** As the commands sign in. */
let operator: Redis;
let before: Dump;

/** Many executions, and `run-1` with one event, which is in six ordered sets. */
beforeEach(async () => {
  redis = server.connect();
  operator = server.connectAs('operator');
  await redis.hset(KEYS.projector, 'epoch', 'e1');
  const others = entriesOf(400, 40).map((pairs) => pairs.map((text) => text.replace('run-', 'x-')));
  await projectEntries(redis, server.url, [...others, aRunEntry()]);
  before = await dumpReadModel(redis);
});

/** Ways in which a read model can be wrong, and the lines that say exactly that. */
const CORRUPTIONS: [string, (redis: Redis) => Promise<unknown>, string[]][] = [
  ['a lost row', (r) => r.del(ROW), [`row_missing ${ROW} run-1 - 1795211160100-0 -`]],
  [
    'a wrong status',
    (r) => r.hset(ROW, 'status', 'success'),
    [`row_field ${ROW} run-1 status queued success`],
  ],
  [
    'a status that is none, which no reader could read',
    (r) => r.hset(ROW, 'status', 'bogus'),
    [`row_field ${ROW} run-1 status queued bogus`],
  ],
  ['a lost field', (r) => r.hdel(ROW, 'message'), [`row_field ${ROW} run-1 message first -`]],
  [
    'a field too many',
    (r) => r.hset(ROW, 'flow', 'release'),
    [`row_field ${ROW} run-1 flow - release`],
  ],
  [
    'a lost last event',
    (r) => r.hdel(ROW, 'lastEventId'),
    [`row_field ${ROW} run-1 lastEventId 1795211160100-0 -`],
  ],
  [
    'a broken nested value',
    (r) => r.hset(ROW, 'actor', '{'),
    [`row_field ${ROW} run-1 actor {"provider":"slack","id":"U1"} {`],
  ],
  ['a row of another type', (r) => r.set(ROW, 'text'), [`wrong_type ${ROW} run-1 - hash string`]],
  [
    'a row of nothing',
    (r) => r.hset(execution('nobody'), 'lastEventId', '5-0', 'executionId', 'nobody'),
    [`row_unexplained ${execution('nobody')} nobody - - 5-0`],
  ],
  [
    'a missing member',
    (r) => r.zrem(executions.byStatus('queued'), 'run-1'),
    [`member_missing ${executions.byStatus('queued')} run-1 - ${AT} -`],
  ],
  [
    'a missing member of those of a principal',
    (r) => r.zrem(executions.byPrincipal('slack:U1'), 'run-1'),
    [`member_missing ${executions.byPrincipal('slack:U1')} run-1 - ${AT} -`],
  ],
  [
    'a stray member',
    (r) => r.zadd(executions.byStatus('error'), 7, 'run-1'),
    [`member_stray ${executions.byStatus('error')} run-1 - - 7`],
  ],
  [
    'a stray member that has no row',
    (r) => r.zadd(executions.all(), 8, 'nobody'),
    [`member_stray ${executions.all()} nobody - - 8`],
  ],
  [
    'a wrong score',
    (r) => r.zadd(executions.all(), 9, 'run-1'),
    [`member_score ${executions.all()} run-1 - ${AT} 9`],
  ],
  [
    'a whole set that nothing demands',
    (r) => r.zadd(GHOSTS, 1, 'run-1', 2, 'nobody'),
    [`member_stray ${GHOSTS} nobody - - 2`, `member_stray ${GHOSTS} run-1 - - 1`],
  ],
  [
    'a set of another type that nothing demands',
    (r) => r.set(GHOSTS, 'text'),
    [`wrong_type ${GHOSTS} - - zset string`],
  ],
];

describe.for(CORRUPTIONS)('%s', ([, corrupt, lines]) => {
  test('is what check reports, and nothing else', async () => {
    await corrupt(redis);
    const corrupted = await dumpReadModel(redis);
    const { outcome, differences } = await repair(operator);
    expect(differences).toEqual(lines);
    expect(outcome).toMatchObject({ differences: lines.length, mended: 0, hasNewEpoch: false });
    expect(await dumpReadModel(redis)).toEqual(corrupted);
  });

  test.for([
    ['at once', {}],
    ['in many slices', { maxBytes: 8 * 1024 }],
  ] as [string, Repairing][])('is what repair mends, and nothing else, %s', async ([, options]) => {
    await corrupt(redis);
    const { outcome, differences, unmended } = await repair(operator, {
      mode: 'repair',
      ...options,
    });
    expect(outcome.passes > 3).toBe(options.maxBytes !== undefined);
    expect([differences, unmended]).toEqual([lines, []]);
    expect(outcome).toMatchObject({ mended: lines.length, hasNewEpoch: true });
    expect(await dumpReadModel(redis)).toEqual(before);
    expect((await repair(operator)).differences).toEqual([]);
  });

  test('is mended by a rebuild', async () => {
    await corrupt(redis);
    const { unmended } = await repair(operator, { mode: 'rebuild' });
    expect(unmended).toEqual([]);
    expect(await dumpReadModel(redis)).toEqual(before);
  });
});

describe('a read model', () => {
  test('of which nothing is wrong is left as it is, with the epoch', async () => {
    for (const mode of ['check', 'repair'] as const) {
      const { outcome, differences } = await repair(operator, { mode });
      expect(differences).toEqual([]);
      expect(outcome).toMatchObject({ hasCounted: true, hasNewEpoch: false, unjudged: 0 });
    }
    expect(await redis.hget(KEYS.projector, 'epoch')).toBe('e1');
    expect(await dumpReadModel(redis)).toEqual(before);
  });

  test('of which everything is lost is there again, byte for byte', async () => {
    const lost = (await redis.keys('task-tracking:*')).filter((key) => key !== KEYS.projector);
    await redis.del(...lost);
    const { differences } = await repair(operator);
    expect(differences.filter((line) => !/^(row|member)_missing /.test(line))).toEqual([]);
    const { outcome } = await repair(operator, { mode: 'rebuild' });
    expect(outcome.mended).toBe(differences.length);
    expect(await dumpReadModel(redis)).toEqual(before);
  });

  test('is written anew by a rebuild, although nothing is wrong', async () => {
    const { outcome, differences } = await repair(operator, { mode: 'rebuild' });
    expect(differences).toEqual([]);
    expect(outcome.written).toBe(
      Object.keys(before).filter((key) => key.startsWith(ROW.slice(0, -5))).length,
    );
    expect(await dumpReadModel(redis)).toEqual(before);
  });

  test('with a demanded set of another type is mended, so that commits work again', async () => {
    const key = executions.byStatus('queued');
    const members = await redis.zcard(key);
    await redis.set(key, 'text');
    const { differences } = await repair(operator);
    expect(differences.filter((line) => line.startsWith('wrong_type'))).toEqual([
      `wrong_type ${key} - - zset string`,
    ]);
    expect(differences).toHaveLength(members + 1);
    await repair(operator, { mode: 'repair' });
    expect(await dumpReadModel(redis)).toEqual(before);
  });

  test('has no difference in JSON that is written in another order', async () => {
    await redis.hset(ROW, 'actor', '{ "id": "U1", "provider": "slack" }');
    expect((await repair(operator)).differences).toEqual([]);
  });

  test('with a member that is no text is known by the size of its set', async () => {
    const key = executions.byPrincipal('google:ana@example.com');
    const size = await redis.zcard(key);
    await redis.call('ZADD', [key, '1', Buffer.from([0xff])]);
    expect((await repair(operator)).differences).toEqual([`count ${key} - - ${size} ${size + 1}`]);
    expect(await redis.zcard(key)).toBe(size + 1);
    // Not told of a set whose members are known to differ, which is why.
    await redis.zrem(key, 'run-1');
    expect((await repair(operator)).differences).toEqual([`member_missing ${key} run-1 - ${AT} -`]);
  });

  test('with a member that is no text is mended, and keeps those that are', async () => {
    const key = executions.byPrincipal('google:ana@example.com');
    for (const byte of [0xfe, 0xff]) await redis.call('ZADD', [key, '1', Buffer.from([byte])]);
    const { differences, unmended } = await repair(operator, { mode: 'repair' });
    expect([differences.length, unmended]).toEqual([1, []]);
    expect(await dumpReadModel(redis)).toEqual(before);
  });

  test('of all these wrong at once is mended in one run', async () => {
    for (const [, corrupt] of CORRUPTIONS) await corrupt(redis).catch(() => undefined);
    expect((await repair(operator)).differences.length).toBeGreaterThan(7);
    expect((await repair(operator, { mode: 'repair', maxBytes: 16_384 })).unmended).toEqual([]);
    expect(await dumpReadModel(redis)).toEqual(before);
    expect((await repair(operator)).differences).toEqual([]);
  });

  test('is only read where nothing is to be written', async () => {
    for (const [, corrupt] of CORRUPTIONS) await corrupt(redis).catch(() => undefined);
    const corrupted = await redis.keys('*').then((keys) => keys.sort());
    for (const mode of ['repair', 'rebuild'] as const)
      await repair(operator, { mode, writes: false });
    expect(await redis.keys('*').then((keys) => keys.sort())).toEqual(corrupted);
    expect(await redis.hget(KEYS.projector, 'epoch')).toBe('e1');
  });
});
