import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { anEntry, idOf } from '../fixtures/events.ts';
import { eventually } from '../fixtures/facts.ts';
import { useRedis } from '../fixtures/redis.ts';
import { appendEntries, applyBatch } from './batches.ts';
import { runTrimming } from './running-trimming.ts';

const server = useRedis();
let redis: Redis;

const DAY_MS = 86_400_000;
const LIMITS = { feedMaxLength: 200, retentionMs: DAY_MS };

beforeEach(async () => {
  redis = server.connect();
  await redis.set(KEYS.lease, 'a');
});

/** So many old events, all applied but for the last ones, and a change of each applied one. */
async function store(count: number, waiting: number): Promise<void> {
  const pipeline = redis.pipeline();
  for (let n = 1; n <= count; n += 1) pipeline.xadd(KEYS.events, `${n}-0`, 'n', '1');
  for (let n = 1; n <= count - waiting; n += 1) pipeline.xadd(KEYS.updates, `${n}-0`, 'n', '1');
  const applied = String(count - waiting);
  pipeline.hset(KEYS.projector, { checkpoint: `${applied}-0`, layout: '1', entriesRead: applied });
  await pipeline.exec();
}

describe('trimming', () => {
  test('goes on until nothing is left to trim, and then looks again', async () => {
    await store(12_000, 500);
    const { totals, lines } = await runTrimming(server.url, 'a', LIMITS);
    await eventually(async () => expect(await redis.xlen(KEYS.events)).toBe(501));
    await eventually(async () => expect(await redis.xlen(KEYS.updates)).toBeLessThanOrEqual(300));
    await redis.hset(KEYS.projector, { checkpoint: '12000-0', entriesRead: '12000' });
    await eventually(async () => expect(await redis.xlen(KEYS.events)).toBe(1));
    expect(totals.events).toBe(11_999);
    expect(totals.changes).toBe(11_500 - (await redis.xlen(KEYS.updates)));
    expect(lines).toEqual([]);
  });

  test('is done by one of two projectors, and by the other when that one has the lease', async () => {
    await store(600, 0);
    const [a, b] = await Promise.all([
      runTrimming(server.url, 'a', LIMITS),
      runTrimming(server.url, 'b', LIMITS),
    ]);
    await eventually(() => expect(a.totals.events).toBe(599));
    await redis.set(KEYS.lease, 'b');
    await redis.xadd(KEYS.events, '601-0', 'n', '1');
    await redis.hset(KEYS.projector, { checkpoint: '601-0', entriesRead: '601' });
    await eventually(() => expect(b.totals.events).toBe(1));
    expect(a.totals.events).toBe(599);
    expect([...a.lines, ...b.lines]).toEqual([]);
  });

  test('stops at once', async () => {
    await store(10, 0);
    const { stop, totals } = await runTrimming(server.url, 'a', LIMITS);
    await eventually(() => expect(totals.events).toBe(9));
    const startedAt = performance.now();
    await stop();
    expect(performance.now() - startedAt).toBeLessThan(500);
  });

  test('goes on by itself after Redis was away, without a word', async () => {
    const { lines, totals } = await runTrimming(server.url, 'a', LIMITS);
    await server.server.kill();
    await server.server.restart();
    await redis.set(KEYS.lease, 'a');
    await store(10, 0);
    await eventually(() => expect(totals.events).toBe(9));
    expect(lines).toEqual([]);
  });

  test('tells what fails, and goes on when it is mended', async () => {
    await store(10, 0);
    await redis.rename(KEYS.events, 'elsewhere');
    await redis.set(KEYS.events, 'no stream');
    const { lines, totals } = await runTrimming(server.url, 'a', LIMITS);
    await eventually(() => expect(lines[0]).toMatchObject({ level: 'error' }));
    await redis.del(KEYS.events);
    await redis.rename('elsewhere', KEYS.events);
    await eventually(() => expect(totals.events).toBe(9));
  });
});

describe('INV8: what others remove', () => {
  test('is warned of once where it had been applied, although it goes on', async () => {
    await store(500, 0);
    const { lines, totals } = await runTrimming(server.url, 'a', {
      ...LIMITS,
      retentionMs: undefined,
    });
    await eventually(async () =>
      expect(await redis.hget(KEYS.projector, 'eventsAccount')).toBe('500 0 0 0'),
    );
    await redis.xtrim(KEYS.events, 'MAXLEN', 400);
    await eventually(() => expect(totals.removed).toBe(100));
    await redis.xtrim(KEYS.events, 'MAXLEN', 300);
    await eventually(() => expect(totals.removed).toBe(200));
    expect(totals.lost).toBe(0);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ level: 'warn', removed: 100, lost: 0, maxDeletedId: '0-0' });
    expect(lines[0]?.msg).toContain('TASK_TRACKING_EVENTS_RETENTION_DAYS');
  });

  test('is an error where it had not been applied', async () => {
    await store(500, 50);
    const { lines, totals } = await runTrimming(server.url, 'a', LIMITS);
    await eventually(() => expect(totals.events).toBe(449));
    await redis.xtrim(KEYS.events, 'MAXLEN', 30);
    await eventually(() => expect(totals).toMatchObject({ removed: 21, lost: 20 }));
    expect(lines).toEqual([expect.objectContaining({ level: 'error', removed: 21, lost: 20 })]);
    expect(lines[0]?.msg).toContain('20 events were removed from task-events:v1 before');
  });

  test('is told once although the lease changes hands and processes start anew', async () => {
    await store(500, 0);
    await redis.xdel(KEYS.events, '3-0', '4-0');
    const first = await runTrimming(server.url, 'a', { ...LIMITS, retentionMs: undefined });
    await eventually(() => expect(first.lines).toHaveLength(1));
    await first.stop();
    await redis.set(KEYS.lease, 'b');
    const second = await runTrimming(server.url, 'b', LIMITS);
    await eventually(() => expect(second.totals.events).toBe(497));
    expect(second.lines).toEqual([]);
  });

  test('is told by nobody again who has the lease back', async () => {
    await store(500, 0);
    const limits = { ...LIMITS, retentionMs: undefined };
    const [a, b] = await Promise.all(
      ['a', 'b'].map((name) => runTrimming(server.url, name, limits)),
    );
    const account = () => redis.hget(KEYS.projector, 'eventsAccount');
    await eventually(async () => expect(await account()).toBe('500 0 0 0'));
    await redis.set(KEYS.lease, 'b');
    await redis.xdel(KEYS.events, '3-0', '4-0');
    await eventually(() => expect(b?.totals.removed).toBe(2));
    // Long enough that the first has looked in vain.
    await redis.xadd(KEYS.events, '501-0', 'n', '1');
    await eventually(async () => expect(await account()).toBe('501 0 2 0'));
    await redis.xadd(KEYS.events, '502-0', 'n', '1');
    await eventually(async () => expect(await account()).toBe('502 0 2 0'));
    await redis.set(KEYS.lease, 'a');
    await redis.xdel(KEYS.events, '5-0');
    await eventually(() => expect(a?.totals.removed).toBe(1));
    expect(b?.totals.removed).toBe(2);
  });

  test('of real commits is found when they have caught up', async () => {
    const entries = Array.from({ length: 20 }, (_, n) => anEntry({ executionId: `run-${n}` }));
    const appended = await appendEntries(redis, entries);
    await applyBatch(redis, appended.slice(0, 10));
    const { lines, totals } = await runTrimming(server.url, 'a', {
      ...LIMITS,
      retentionMs: undefined,
    });
    await redis.xdel(KEYS.events, ...[12, 13, 14].map((n) => appended[n]?.id ?? idOf('0-0')));
    await eventually(() => expect(totals).toMatchObject({ removed: 3, lost: 0 }));
    await applyBatch(redis, [...appended.slice(10, 12), ...appended.slice(15)]);
    await eventually(() => expect(totals).toMatchObject({ removed: 3, lost: 3 }));
    expect(lines.map(({ level }) => level)).toEqual(['warn', 'error']);
  });

  test('cannot be known without the right to XINFO: trimming goes on, and that is told once', async () => {
    await store(50, 0);
    await redis.acl('SETUSER', 'blind', 'on', '>secret', '~*', '+@all', '-xinfo');
    const url = new URL(server.url);
    url.username = 'blind';
    url.password = 'secret';
    const { lines, totals } = await runTrimming(url.href, 'a', LIMITS);
    await eventually(() => expect(totals.events).toBe(49));
    await redis.xadd(KEYS.events, '51-0', 'n', '1');
    await redis.hset(KEYS.projector, { checkpoint: '51-0' });
    await eventually(() => expect(totals.events).toBe(50));
    expect(lines).toEqual([expect.objectContaining({ level: 'info' })]);
    expect(lines[0]?.msg).toContain('+xinfo|stream');
  });
});
