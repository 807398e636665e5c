import { type StreamId, streamIdTimeMs } from '@tasktrail/contract';
import { TaskProducer } from '@tasktrail/producer';
import { describe, expect, test } from 'vitest';
import { differencesBetween, foldAllEvents } from '../../src/demo/expected-tasks.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { useGoogle } from '../fixtures/google.ts';
import { dashboardEnvironment, usePrograms } from '../fixtures/program.ts';
import { type TestRedis, useRedis } from '../fixtures/redis.ts';
import { StreamViewer } from '../fixtures/viewer.ts';

const google = useGoogle();

/** By then a process must have seen that Redis is away, and by then that it is back. */
const NOTICED_MS = 8_000;

describe('Redis that keeps its data', () => {
  const redis = useRedis({ appendOnly: 'always' });
  const programs = usePrograms(google);

  test('is killed and back: both processes live on, viewers go on where they were', async () => {
    await using world = await openWorld(redis, programs);
    const { projector, serve, viewer, producer } = world;
    await redis.server.kill();
    await Promise.all([projector.whenReadyz(503, NOTICED_MS), serve.whenReadyz(503, NOTICED_MS)]);
    expect(projector.isRunning && serve.isRunning).toBe(true);
    // Neither the last lag nor 0: nobody knows how many events wait.
    expect((await serve.metrics()).get('tasktrail_projector_lag_events')).toBeNaN();
    // What a bot states meanwhile waits in its producer.
    const waiting = producer.append({ executionId: 'run-1', status: 'in_progress' });

    await redis.server.restart();
    await Promise.all([projector.whenReadyz(200, NOTICED_MS), serve.whenReadyz(200, NOTICED_MS)]);
    await viewer.whenAt(await waiting);
    const last = await producer.append({ executionId: 'run-2', status: 'success' });
    await viewer.whenAt(last);
    expect(viewer.refreshes).toEqual([]);
    await world.expectFold();
    for (const program of [projector, serve]) {
      expect(await program.terminate()).toEqual({ code: 0, signal: null });
    }
  });

  test('answers nothing for a while: both processes say so, and go on by themselves', async () => {
    await using world = await openWorld(redis, programs);
    const { projector, serve, viewer, producer } = world;
    await redis.server.pause();
    await Promise.all([projector.whenReadyz(503, NOTICED_MS), serve.whenReadyz(503, NOTICED_MS)]);
    await redis.server.resume();
    await Promise.all([projector.whenReadyz(200, NOTICED_MS), serve.whenReadyz(200, NOTICED_MS)]);
    await viewer.whenAt(await producer.append({ executionId: 'run-1', status: 'success' }));
    expect(viewer.refreshes).toEqual([]);
    await world.expectFold();
  });
});

describe('Redis that keeps nothing', () => {
  const redis = useRedis();
  const programs = usePrograms(google);

  test('is killed and back: viewers are told, and follow the new history', async () => {
    await using world = await openWorld(redis, programs);
    const { viewer, producer } = world;
    const before = viewer.position;
    await redis.server.kill();
    await redis.server.restart();
    // Later than what was lost, or the viewer could not tell that it has it.
    const event = { executionId: 'run-9', project: 'acme/api', status: 'queued' } as const;
    const id = await producer.append(event);
    expect(streamIdTimeMs(id)).toBeGreaterThan(streamIdTimeMs(before?.id as StreamId));

    await viewer.when(() => viewer.refreshes.length > 0);
    await viewer.whenAt(id);
    expect(new Set(viewer.refreshes)).toEqual(new Set(['cursor_epoch']));
    expect([...viewer.tasks.keys()]).toEqual(['run-9']);
    expect(viewer.position?.epoch).not.toBe(before?.epoch);
    await world.expectFold();
  });

  test('is emptied under open connections: viewers are told, and follow the new history', async () => {
    await using world = await openWorld(redis, programs);
    const { viewer, producer } = world;
    await redis.connect().flushall();
    const event = { executionId: 'run-9', project: 'acme/api', status: 'queued' } as const;
    const id = await producer.append(event);
    await viewer.when(() => viewer.refreshes.length > 0);
    await viewer.whenAt(id);
    expect(new Set(viewer.refreshes)).toEqual(new Set(['cursor_epoch']));
    expect([...viewer.tasks.keys()]).toEqual(['run-9']);
    await world.expectFold();
  });
});

/** Both processes, three tasks, and a viewer that follows. */
async function openWorld(redis: TestRedis, programs: ReturnType<typeof usePrograms>) {
  const env = dashboardEnvironment(redis, google);
  const projector = programs.start(['projector'], env);
  const serve = programs.start(['serve'], env);
  const producer = new TaskProducer({ redis: redis.urlOf('producer') });
  await Promise.all([projector.whenReadyz(200), serve.whenReadyz(200)]);
  const ids = await Promise.all(
    [1, 2, 3].map((n) =>
      producer.append({ executionId: `run-${n}`, project: 'acme/api', status: 'queued' }),
    ),
  );
  const token = programs.signIn({ email: 'ana@example.com' });
  const url = await serve.url();
  const viewer = new StreamViewer({ url: () => url, token }).start();
  await viewer.whenAt(ids.at(-1) as StreamId);
  return {
    ...{ projector, serve, producer, viewer },
    expectFold: async () => {
      const { tasks } = await foldAllEvents(redis.connect(), KEYS);
      expect(differencesBetween(tasks, viewer.tasks)).toEqual([]);
    },
    [Symbol.asyncDispose]: async () => {
      await viewer[Symbol.asyncDispose]();
      await producer.close();
    },
  };
}
