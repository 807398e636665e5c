import type { StreamId } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { eventually, whenProjected } from '../fixtures/facts.ts';
import { usePrograms } from '../fixtures/program.ts';
import { useRedis } from '../fixtures/redis.ts';

const redis = useRedis();
const programs = usePrograms();
let client: Redis;

const DAY_MS = 86_400_000;

beforeEach(() => {
  client = redis.connect();
});

const startProjector = (changes: Readonly<Record<string, string>> = {}) =>
  programs.start(['projector'], {
    TASK_TRACKING_REDIS_URL: redis.url,
    TASK_TRACKING_ADMIN_HOST: '127.0.0.1',
    TASK_TRACKING_ADMIN_PORT: '0',
    TASK_TRACKING_FEED_MAX_LENGTH: '200',
    ...changes,
  });

/** Appends events as if that had been so long ago, one a millisecond; resolves with their ids. */
async function append(count: number, agoMs: number): Promise<StreamId[]> {
  const fromMs = Date.now() - agoMs;
  const pipeline = client.pipeline();
  for (let n = 0; n < count; n += 1) {
    const at = fromMs + n;
    const pairs = {
      executionId: `run-${at}`,
      occurredAt: new Date(at).toISOString(),
      project: 'acme/api',
      status: 'queued',
    };
    pipeline.xadd(KEYS.events, `${at}-0`, ...Object.entries(pairs).flat());
  }
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([error, id]) => {
    if (error !== null) throw error;
    return id as StreamId;
  });
}

const last = (ids: readonly StreamId[]) => ids.at(-1) as StreamId;

describe('INV8: a projector that trims', () => {
  test('takes the events past their retention and the excess of the feed, and says so', async () => {
    await append(1500, 3 * DAY_MS);
    const young = await append(100, DAY_MS / 2);
    const projector = startProjector({ TASK_TRACKING_EVENTS_RETENTION_DAYS: '1' });
    await whenProjected(client, last(young));
    await eventually(async () => expect(await client.xlen(KEYS.events)).toBe(100));
    await eventually(async () => expect(await client.xlen(KEYS.updates)).toBeLessThan(310));
    expect(await client.xlen(KEYS.updates)).toBeGreaterThanOrEqual(200);
    expect(await client.hmget(KEYS.projector, 'eventsTrimmed', 'trimmedTo')).toEqual([
      '1500',
      expect.stringMatching(/^\d+-0$/),
    ]);
    const metrics = await projector.metrics();
    expect(metrics.get('tasktrail_redis_stream_entries{stream="events"}')).toBe(100);
    expect(metrics.get('tasktrail_redis_stream_entries{stream="quarantine"}')).toBe(0);
    expect(metrics.get('tasktrail_trimmed_entries_total{stream="events"}')).toBe(1500);
    expect(metrics.get('tasktrail_events_oldest_age_seconds')).toBeCloseTo(DAY_MS / 2000, -2);
    expect(metrics.get('tasktrail_events_lost_total')).toBe(0);
    // Every task is still there: only what led to it is gone.
    expect(await client.zcard(KEYS.executions.all())).toBe(1600);
    expect(projector.log.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('keeps everything by default', async () => {
    const ids = await append(500, 3000 * DAY_MS);
    const projector = startProjector();
    await whenProjected(client, last(ids));
    await eventually(async () => expect(await client.xlen(KEYS.updates)).toBeLessThan(310));
    expect(await client.xlen(KEYS.events)).toBe(500);
    expect(
      (await projector.metrics()).get('tasktrail_trimmed_entries_total{stream="events"}'),
    ).toBe(0);
  });

  test('that is killed again and again never takes what was not applied', async () => {
    const ids = await append(4000, 5 * DAY_MS);
    const env = { TASK_TRACKING_EVENTS_RETENTION_DAYS: '1', TASK_TRACKING_BATCH_SIZE: '10' };
    for (let kill = 0; kill < 3; kill += 1) {
      const projector = startProjector(env);
      await projector.whenWritten('projector is applying');
      await eventually(async () => {
        const checkpoint = await client.hget(KEYS.projector, 'checkpoint');
        const applied = ids.indexOf((checkpoint ?? '') as StreamId) + 1;
        expect(applied).toBeGreaterThan((kill + 1) * 400);
      });
      await projector.kill();
      await client.del(KEYS.lease);
      const checkpoint = (await client.hget(KEYS.projector, 'checkpoint')) as StreamId;
      const [first] = await client.xrange(KEYS.events, '-', '+', 'COUNT', 1);
      expect(ids.indexOf(first?.[0] as StreamId)).toBeLessThanOrEqual(ids.indexOf(checkpoint));
    }
    startProjector(env);
    await whenProjected(client, last(ids));
    expect(await client.hget(KEYS.projector, 'entriesRead')).toBe('4000');
    expect(await client.zcard(KEYS.executions.all())).toBe(4000);
    await eventually(async () => expect(await client.xlen(KEYS.events)).toBe(1));
  });

  test('tells once of producers that trim what was applied, and loudly of what was not', async () => {
    const ids = await append(300, DAY_MS);
    const projector = startProjector();
    await whenProjected(client, last(ids));
    await eventually(async () =>
      expect(await client.hget(KEYS.projector, 'eventsAccount')).toBe('300 0 0 0'),
    );
    await client.xtrim(KEYS.events, 'MAXLEN', 100);
    await projector.whenWritten('something else than the projector removed 200 events');
    await projector.terminate();

    await append(50, 1000);
    await client.xtrim(KEYS.events, 'MAXLEN', 20);
    const second = startProjector();
    await second.whenWritten('30 events were removed from task-events:v1 before they were applied');
    expect(second.log.filter(({ lost }) => lost !== undefined)).toEqual([
      expect.objectContaining({ level: 'error', removed: 130, lost: 30 }),
    ]);
    const metrics = await second.metrics();
    expect(metrics.get('tasktrail_events_lost_total')).toBe(30);
    expect(metrics.get('tasktrail_events_removed_total')).toBe(130);
  });
});
