import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { anEntry, idOf } from '../fixtures/events.ts';
import { useRedis } from '../fixtures/redis.ts';
import type { Dump } from '../projector/keyspace.ts';
import { dumpReadModel, projectAll, repair } from './repairing.ts';

const server = useRedis();
const DAY_MS = 24 * 60 * 60 * 1000;
const BEGIN_MS = Date.parse('2026-11-01T00:00:00Z');
let redis: Redis;
/** As the commands sign in. */
let operator: Redis;
let before: Dump;

/**
 * `old` ended before what is left, `long` began before it and goes on, `lately` began within a day
 * after it, and `young` later.
 */
beforeEach(async () => {
  redis = server.connect();
  operator = server.connectAs('operator');
  await redis.hset(KEYS.projector, 'epoch', 'e1');
  const appended = [
    await append(0, 'old', { taskName: 'Old' }),
    await append(0.1, 'long', { taskName: 'Long', message: 'begun' }),
    await append(1, 'old', { status: 'success' }),
    await append(10, 'long', { status: 'in_progress' }),
    await append(10.5, 'lately', {}),
    await append(12, 'young', { taskName: 'Young' }),
    await append(13, 'long', { message: undefined, flow: 'release' }),
    await append(14, 'young', { status: 'error' }),
  ];
  await projectAll(redis, server.url, appended);
  before = await dumpReadModel(redis);
});

async function append(day: number, executionId: string, fields: Parameters<typeof anEntry>[0]) {
  const atMs = BEGIN_MS + day * DAY_MS;
  const occurredAt = new Date(atMs).toISOString();
  const pairs = anEntry({ executionId, occurredAt, ...fields });
  return { id: idOf(String(await redis.xadd(KEYS.events, `${atMs}-0`, ...pairs))), pairs };
}

/** Trims what is older than so many days, as the projector does or as a bot should not. */
async function trim(day: number, isTold: boolean): Promise<void> {
  const minid = `${BEGIN_MS + day * DAY_MS}-0`;
  await redis.xtrim(KEYS.events, 'MINID', minid);
  if (isTold) await redis.hset(KEYS.projector, 'trimmedTo', minid);
}

const row = KEYS.execution;
const { byStatus, all } = KEYS.executions;

describe.for([
  ['the projector', true],
  ['somebody else', false],
] as const)('where %s trimmed the events', ([, isTold]) => {
  beforeEach(() => trim(10, isTold));

  test('nothing differs, and rows that began before or about then are not judged', async () => {
    for (const mode of ['check', 'repair', 'rebuild'] as const) {
      const { outcome, differences } = await repair(operator, { mode });
      expect(differences).toEqual([]);
      expect(outcome).toMatchObject({
        unjudged: 3,
        rows: 4,
        goneTo: `${BEGIN_MS + 10 * DAY_MS}-0`,
      });
      const { [KEYS.events]: _, ...rest } = await dumpReadModel(redis);
      expect(rest).toEqual(
        Object.fromEntries(Object.entries(before).filter(([key]) => key !== KEYS.events)),
      );
    }
  });

  test('rows that began later are judged by their content', async () => {
    await redis.hset(row('young'), 'taskName', 'Other');
    expect((await repair(operator)).differences).toEqual([
      `row_field ${row('young')} young taskName Young Other`,
    ]);
    await repair(operator, { mode: 'repair' });
    expect(await redis.hget(row('young'), 'taskName')).toBe('Young');
  });

  test('others are not, and nothing of them is undone', async () => {
    await redis.hset(row('long'), 'taskName', 'Told by an event that is gone');
    const { outcome, differences } = await repair(operator, { mode: 'rebuild' });
    expect(differences).toEqual([]);
    expect(outcome.unjudged).toBe(3);
    expect(await redis.hget(row('long'), 'taskName')).toBe('Told by an event that is gone');
    expect(await redis.hget(row('old'), 'taskName')).toBe('Old');
  });

  test('ordered sets follow the rows, judged or not', async () => {
    const [status, ghosts] = [byStatus('success'), KEYS.executions.byProject('ghost/town')];
    const scores = await redis.zmscore(status, 'old');
    await redis.zrem(status, 'old');
    await redis.zadd(all(), 5, 'long');
    await redis.zadd(ghosts, 5, 'old');
    const { differences } = await repair(operator, { mode: 'repair' });
    expect(differences).toEqual([
      `member_missing ${status} old - ${Number(scores[0])} -`,
      `member_score ${all()} long - ${BEGIN_MS + 13 * DAY_MS} 5`,
      `member_stray ${ghosts} old - - 5`,
    ]);
    const { [KEYS.events]: _, ...rest } = await dumpReadModel(redis);
    expect(before).toMatchObject(rest);
  });

  test('a lost row is made of the events that are left, and one of none is forgotten', async () => {
    await redis.del(row('long'), row('old'));
    const { differences, unmended } = await repair(operator, { mode: 'repair' });
    expect(differences).toEqual(
      [
        ...[all(), KEYS.executions.byProject('owner/repo')].map(
          (key) => `member_stray ${key} old - - ${BEGIN_MS + DAY_MS}`,
        ),
        `member_stray ${KEYS.executions.byProjectAndStatus('owner/repo', 'success')} old - - ${BEGIN_MS + DAY_MS}`,
        `member_stray ${byStatus('success')} old - - ${BEGIN_MS + DAY_MS}`,
        `row_missing ${row('long')} long - ${BEGIN_MS + 13 * DAY_MS}-0 -`,
      ].sort(),
    );
    expect(unmended).toEqual([]);
    expect(await redis.hgetall(row('long'))).toMatchObject({ flow: 'release', taskName: 'long' });
    expect((await repair(operator)).differences).toEqual([]);
  });

  test('a row that cannot be read is made of the events that are left, or told', async () => {
    await redis.hset(row('long'), 'status', 'bogus');
    await redis.hset(row('old'), 'status', 'bogus');
    const { unmended } = await repair(operator, { mode: 'repair' });
    expect(unmended).toEqual([`row_unreadable ${row('old')} old status - bogus`]);
    expect(await redis.hget(row('long'), 'status')).toBe('queued');
    expect(await redis.hget(row('old'), 'status')).toBe('bogus');
  });
});

test('an event that was deleted makes none of those that began before it differ', async () => {
  await redis.xdel(KEYS.events, `${BEGIN_MS + 10 * DAY_MS}-0`);
  const { outcome, differences } = await repair(operator, { mode: 'repair' });
  expect(differences).toEqual([]);
  expect(outcome.unjudged).toBe(3);
});

test.for([
  ['gone', async (): Promise<unknown> => undefined],
  ['begun anew', async (): Promise<unknown> => append(20, 'new', {})],
  [
    'gone, with all that tells of it',
    async (): Promise<unknown> => redis.del(KEYS.projector, KEYS.updates),
  ],
] as const)('no row is removed where the whole stream is %s', async ([, beginAnew]) => {
  await redis.del(KEYS.events);
  await beginAnew();
  const { outcome, differences } = await repair(operator, { mode: 'rebuild' });
  expect(differences).toEqual([]);
  expect(outcome.unjudged).toBe(4);
  expect(await redis.zcard(all())).toBe(4);
});
