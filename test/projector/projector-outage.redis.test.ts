import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { anEntry, idOf } from '../fixtures/events.ts';
import { eventually, whenProjected } from '../fixtures/facts.ts';
import { useRedis } from '../fixtures/redis.ts';
import { asAnybody } from '../fixtures/redis-users.ts';
import { dumpKeyspace } from './keyspace.ts';
import { comparable, NaiveProjector } from './naive-projector.ts';
import { type RunningProjector, runProjector } from './running-projector.ts';

const server = useRedis({ appendOnly: 'always' });
let redis: Redis;

beforeEach(() => {
  redis = server.connect();
});

/** Appends events of one execution, as a bot does: with ids that Redis makes. */
async function append(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1)
    await redis.xadd(KEYS.events, '*', ...anEntry({ flow: `${i}` }));
}

/** What the stream has is what was projected; the stream itself may have lost nothing. */
async function expectProjected(events: number): Promise<void> {
  const stream = await redis.xrange(KEYS.events, '-', '+');
  expect(stream).toHaveLength(events);
  const model = new NaiveProjector();
  for (const [id, pairs] of stream) model.apply(idOf(id), pairs);
  await whenProjected(redis, idOf(stream.at(-1)?.[0] ?? ''));
  expect(comparable(await dumpKeyspace(redis), [KEYS.lease])).toEqual(model.expected());
}

async function whenReady({ health }: RunningProjector): Promise<void> {
  await eventually(() => expect(health()).toMatchObject({ ready: true }));
}

async function whenNotReady({ health }: RunningProjector): Promise<void> {
  await eventually(() => expect(health()).toMatchObject({ ready: false }));
}

/** Looks at the health all the time; stops and says whether it was ever ready. */
function watchForReady({ health }: RunningProjector): () => boolean {
  let wasReady = false;
  const watching = setInterval(() => {
    wasReady ||= health().ready;
  }, 1);
  return () => {
    clearInterval(watching);
    return wasReady;
  };
}

describe('INV10: a projector', () => {
  test('waits, not ready, for a Redis that is not there when it starts', async () => {
    await server.server.kill();
    const projector = await runProjector(server.url);
    const wasReady = watchForReady(projector);
    await eventually(() => expect(projector.health().details.failure).toBeDefined());
    expect(wasReady()).toBe(false);
    await server.server.restart();
    await append(3);
    await expectProjected(3);
    expect(projector.health()).toMatchObject({ ready: true, details: { role: 'applying' } });
  });

  test('goes on by itself within seconds of a restart, and applies each event once', async () => {
    const projector = await runProjector(server.url);
    await append(20);
    await whenReady(projector);
    await server.server.kill();
    await whenNotReady(projector);
    const wasReady = watchForReady(projector);
    await eventually(() => expect(projector.health().details.idleMs).toBeGreaterThan(1500));
    expect(wasReady()).toBe(false);
    await server.server.restart();
    const startedAt = performance.now();
    await append(20);
    await expectProjected(40);
    expect(performance.now() - startedAt).toBeLessThan(5000);
    await whenReady(projector);
  });

  test('notices a Redis that is silent although its connections stand, and goes on with it', async () => {
    const projector = await runProjector(server.url);
    await append(5);
    await expectProjected(5);
    await server.server.pause();
    const pausedAt = performance.now();
    await whenNotReady(projector);
    expect(performance.now() - pausedAt).toBeLessThan(4500);
    const wasReady = watchForReady(projector);
    // Longer than every deadline on the way: of the read, of commands, of connecting.
    await eventually(() => expect(performance.now() - pausedAt).toBeGreaterThan(9500));
    expect(wasReady()).toBe(false);

    await server.server.resume();
    const resumedAt = performance.now();
    await append(5);
    await expectProjected(10);
    await whenReady(projector);
    expect(performance.now() - resumedAt).toBeLessThan(5000);
  });

  test('is not ready while it cannot read, although commands are answered', async () => {
    await redis.acl('SETUSER', 'default', '-xread');
    try {
      const projector = await runProjector(asAnybody(server.url));
      const wasReady = watchForReady(projector);
      await eventually(() => expect(projector.failures()).toBeGreaterThan(0));
      expect(projector.health().details.failure).toMatch('NOPERM');
      expect(wasReady()).toBe(false);
      await redis.acl('SETUSER', 'default', '+xread');
      await whenReady(projector);
    } finally {
      await redis.acl('SETUSER', 'default', '+xread');
    }
  });

  test('stops within seconds while Redis is silent', async () => {
    const projector = await runProjector(server.url);
    await append(1);
    await expectProjected(1);
    await server.server.pause();
    const startedAt = performance.now();
    await projector.stop();
    expect(performance.now() - startedAt).toBeLessThan(5000);
    await server.server.resume();
  });

  test('goes on after its connections were cut, in the middle of a backlog', async () => {
    const pipeline = redis.pipeline();
    for (let i = 0; i < 3000; i += 1) pipeline.xadd(KEYS.events, '*', ...anEntry({ flow: `${i}` }));
    await pipeline.exec();
    let commits = 0;
    await runProjector(server.url, {
      batchSize: 20,
      onCommit: () => {
        commits += 1;
        if (commits % 40 !== 0) return;
        redis.call('CLIENT', ['KILL', 'TYPE', 'normal']).catch(() => undefined);
      },
    });
    await expectProjected(3000);
  });
});
