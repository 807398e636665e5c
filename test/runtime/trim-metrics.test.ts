import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { type StreamGauges, trimMetrics } from '../../src/runtime/trim-metrics.ts';

/** The values of a scrape, by name and labels. */
async function scrape(registry: Registry): Promise<Record<string, string | undefined>> {
  const lines = (await registry.metrics()).split('\n').filter((line) => /^\w/.test(line));
  return Object.fromEntries(
    lines.map((line) => [line.replace(/ \S+$/, ''), line.split(' ').at(-1)]),
  );
}

test('what the streams hold is read anew for every scrape, once', async () => {
  const registry = new Registry();
  const metrics = trimMetrics(registry);
  let readings = 0;
  metrics.collectStreams(async (): Promise<StreamGauges> => {
    readings += 1;
    return { entries: { events: readings, updates: 20, quarantine: 0 }, oldestEventMs: 1500 };
  });
  expect(await scrape(registry)).toMatchObject({
    'tasktrail_redis_stream_entries{stream="events"}': '1',
    'tasktrail_redis_stream_entries{stream="updates"}': '20',
    'tasktrail_redis_stream_entries{stream="quarantine"}': '0',
    tasktrail_events_oldest_age_seconds: '1.5',
    'tasktrail_trimmed_entries_total{stream="events"}': '0',
    'tasktrail_trimmed_entries_total{stream="updates"}': '0',
    tasktrail_events_removed_total: '0',
    tasktrail_events_lost_total: '0',
  });
  expect((await scrape(registry))['tasktrail_redis_stream_entries{stream="events"}']).toBe('2');
});

test('what the streams hold is unknown while Redis is away, and the rest is told', async () => {
  const registry = new Registry();
  const metrics = trimMetrics(registry);
  metrics.collectStreams(async () => {
    throw new Error('Redis is away');
  });
  metrics.lost.inc(3);
  expect(await scrape(registry)).toMatchObject({
    'tasktrail_redis_stream_entries{stream="events"}': 'Nan',
    tasktrail_events_oldest_age_seconds: 'Nan',
    tasktrail_events_lost_total: '3',
  });
});
