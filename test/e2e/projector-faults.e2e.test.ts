import { compareStreamIds, parseStreamId, STREAM_START, type StreamId } from '@tasktrail/contract';
import { TaskProducer } from '@tasktrail/producer';
import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { foldAllEvents } from '../../src/demo/expected-tasks.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { decodeTaskRow, toItem } from '../../src/redis/task-row.ts';
import { eventually, whenProjected } from '../fixtures/facts.ts';
import { usePrograms } from '../fixtures/program.ts';
import { useRedis } from '../fixtures/redis.ts';

const redis = useRedis();
const programs = usePrograms();

/** Small batches, so that a kill finds a projector with most of its work still to do. */
const startProjector = () =>
  programs.start(['projector'], {
    TASK_TRACKING_REDIS_URL: redis.url,
    TASK_TRACKING_ADMIN_HOST: '127.0.0.1',
    TASK_TRACKING_ADMIN_PORT: '0',
    TASK_TRACKING_BATCH_SIZE: '20',
  });

const BACKLOG = 5000;
const TASKS = 300;
/** The lease lasts 5 s, a standby asks for it twice a second, and cores are shared. */
const TAKEOVER_MS = 5000 + 500 + 1500;

test('a projector that is killed amid a backlog and started again applies every event once', async () => {
  const client = redis.connect();
  const { last, unique } = await appendBacklog();
  const first = startProjector();
  await eventually(async () => expect(await client.xlen(KEYS.updates)).toBeGreaterThan(500));
  await first.kill();
  expect(compareStreamIds(await checkpointOf(client), last)).toBeLessThan(0);

  const second = startProjector();
  await whenProjected(client, last);
  expect(await client.hget(KEYS.projector, 'entriesRead')).toBe(String(BACKLOG));
  expect(await feedIds(client)).toEqual(unique);
  await expectRowsOfFold(client);
  expect(await second.metrics().then((m) => m.get('tasktrail_projector_lag_events'))).toBe(0);
});

test('a standby takes over from a leader that is killed, and catches up', async () => {
  const client = redis.connect();
  await using producer = new TaskProducer({ redis: redis.urlOf('producer') });
  const leader = startProjector();
  await leader.whenWritten('projector is applying');
  const standby = await startProjector().whenReadyz(200);
  expect(standby.stdout).not.toContain('projector is applying');
  const applied = await producer.append({
    executionId: 'before',
    project: 'acme/api',
    status: 'queued',
  });
  await whenProjected(client, applied);

  await leader.kill();
  const killedAt = performance.now();
  const waiting = await producer.append({
    executionId: 'during',
    project: 'acme/api',
    status: 'queued',
  });
  expect((await standby.metrics()).get('tasktrail_projector_lag_events')).toBe(1);
  await whenProjected(client, waiting);
  expect(performance.now() - killedAt).toBeLessThan(TAKEOVER_MS);
  const metrics = await standby.metrics();
  expect(metrics.get('tasktrail_projector_lag_events')).toBe(0);
  expect(metrics.get('tasktrail_projector_lag_seconds')).toBe(0);
  expect(await feedIds(client)).toEqual([applied, waiting]);
});

/** Every tenth event is there twice, as after a confirmation that was lost. */
async function appendBacklog(): Promise<{ last: StreamId; unique: StreamId[] }> {
  await using producer = new TaskProducer({ redis: redis.urlOf('producer') });
  const ids = await Promise.all(
    Array.from({ length: BACKLOG }, (_, index) => {
      const number = index % 10 === 9 ? index - 1 : index;
      return producer.append({
        executionId: `run-${number % TASKS}`,
        eventId: `event-${number}`,
        project: 'acme/api',
        status: 'in_progress',
        message: `step ${number}`,
      });
    }),
  );
  // Tasks take turns in the producer, so that the order of all is not the one that they came in.
  const unique = ids.filter((_, index) => index % 10 !== 9).toSorted(compareStreamIds);
  return { last: ids.toSorted(compareStreamIds).at(-1) as StreamId, unique };
}

async function checkpointOf(client: Redis): Promise<StreamId> {
  return parseStreamId((await client.hget(KEYS.projector, 'checkpoint')) ?? '') ?? STREAM_START;
}

async function feedIds(client: Redis): Promise<string[]> {
  const entries = await client.xrange(KEYS.updates, '-', '+');
  return entries.map(([id]) => id);
}

async function expectRowsOfFold(client: Redis): Promise<void> {
  const { tasks } = await foldAllEvents(client, KEYS);
  const members = await client.zrange(KEYS.executions.all(), '0', '-1');
  expect(members.toSorted()).toEqual([...tasks.keys()].toSorted());
  for (const [executionId, expected] of tasks) {
    const task = decodeTaskRow(await client.hgetall(KEYS.execution(executionId)));
    expect(task && toItem(task)).toEqual(expected);
  }
}
