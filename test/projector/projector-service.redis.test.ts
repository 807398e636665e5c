import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { anEntry, collidingEntry } from '../fixtures/events.ts';
import { eventually, whenProjected } from '../fixtures/facts.ts';
import { useRedis } from '../fixtures/redis.ts';
import { asAnybody } from '../fixtures/redis-users.ts';
import { type Appended, appendEntries, nthEntryId } from './batches.ts';
import { dumpKeyspace } from './keyspace.ts';
import { comparable, NaiveProjector } from './naive-projector.ts';
import { runProjector } from './running-projector.ts';

const server = useRedis();
let redis: Redis;

beforeEach(() => {
  redis = server.connect();
});

/** The same entries in every run, and enough that they collide. */
function manyEntries(count: number, seed = 1): string[][] {
  return fc.sample(collidingEntry, { numRuns: count, seed });
}

/** Everything in Redis is what the events make of it, each applied once. */
async function expectProjected(appended: readonly Appended[]): Promise<void> {
  const last = appended.at(-1);
  if (last !== undefined) await whenProjected(redis, last.id);
  const model = new NaiveProjector();
  for (const { id, pairs } of appended) model.apply(id, pairs);
  const leases = [KEYS.lease, 'lease-a', 'lease-b'];
  expect(comparable(await dumpKeyspace(redis), leases)).toEqual(model.expected());
}

describe('a projector', () => {
  test('applies what is there already, then what comes', async () => {
    const backlog = await appendEntries(redis, manyEntries(300));
    const projector = await runProjector(server.url, { batchSize: 50 });
    await expectProjected(backlog);
    expect(projector.commits).toHaveLength(6);
    const live = await appendEntries(redis, manyEntries(100, 2), 300);
    await expectProjected([...backlog, ...live]);
    expect(projector.health()).toMatchObject({ ready: true, details: { role: 'applying' } });
  });

  test('begins with the first event where there was none before', async () => {
    await runProjector(server.url);
    await eventually(async () => expect(await redis.get(KEYS.lease)).not.toBeNull());
    await expectProjected(await appendEntries(redis, [anEntry()]));
  });

  test('tells what became of the events', async () => {
    const projector = await runProjector(server.url);
    const ended = { status: 'success', occurredAt: '2026-11-20T12:00:05Z', eventId: 'e1' };
    const [, , , wrong] = await appendEntries(redis, [
      anEntry(ended),
      anEntry(ended),
      anEntry({ status: 'queued' }),
      anEntry({ attempt: '0' }),
    ]);
    await whenProjected(redis, nthEntryId(3));
    const totals = { applied: 0, duplicate: 0, stale: 0, quarantined: 0 };
    for (const counts of projector.commits) {
      for (const [outcome, count] of Object.entries(counts)) {
        totals[outcome as 'applied'] += count;
      }
    }
    expect(totals).toEqual({ applied: 1, duplicate: 1, stale: 1, quarantined: 1 });
    expect(projector.quarantined).toEqual([[wrong?.id, 'invalid_value', 'attempt']]);
  });

  test('stops at once, waiting for an event or not, and leaves no lease behind', async () => {
    const projector = await runProjector(server.url);
    await expectProjected(await appendEntries(redis, [anEntry()]));
    const startedAt = performance.now();
    await Promise.all([projector.stop(), projector.stop()]);
    expect(performance.now() - startedAt).toBeLessThan(900);
    expect(await redis.get(KEYS.lease)).toBeNull();
    await eventually(async () => expect(await server.foreignConnections()).toEqual([]));
  });

  test('refuses a read model of another layout, and ends', async () => {
    await redis.hset(KEYS.projector, 'layout', '2');
    const projector = await runProjector(server.url);
    await expect(projector.ended).rejects.toThrow('layout 2');
    expect(await redis.get(KEYS.lease)).toBeNull();
  });

  test('refuses one of a later layout also as a standby, at its start', async () => {
    await redis.hset(KEYS.projector, 'layout', '2');
    await redis.set(KEYS.lease, 'a later program');
    const projector = await runProjector(server.url);
    await expect(projector.ended).rejects.toThrow('layout 2');
  });
});

describe('INV1: the read model is the fold of all events, each applied exactly once,', () => {
  test('wherever projectors are stopped and started', async () => {
    const stops = fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 3, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(stops, fc.integer(), async (commitsBeforeStop, seed) => {
        await redis.flushall();
        const appended = await appendEntries(redis, manyEntries(60, seed));
        for (const count of commitsBeforeStop) {
          const enough = Promise.withResolvers<void>();
          let left = count;
          const projector = await runProjector(server.url, {
            batchSize: 3,
            onCommit: () => {
              left -= 1;
              if (left === 0) enough.resolve();
            },
          });
          const last = appended.at(-1) as Appended;
          await Promise.race([enough.promise, whenProjected(redis, last.id)]);
          await projector.stop();
        }
        const projector = await runProjector(server.url);
        await expectProjected(appended);
        await projector.stop();
      }),
      { numRuns: 8 },
    );
  });

  test('although two projectors apply at the same time, each with a lease of its own', async () => {
    const [a, b] = await Promise.all([
      runProjector(asAnybody(server.url), { batchSize: 10, leaseKey: 'lease-a' }),
      runProjector(asAnybody(server.url), { batchSize: 7, leaseKey: 'lease-b' }),
    ]);
    await eventually(() => {
      for (const { health } of [a, b]) expect(health().details.role).toBe('applying');
    });
    await expectProjected(await appendEntries(redis, manyEntries(1500)));
    expect(a.commits.length + b.commits.length).toBeGreaterThanOrEqual(1500 / 10);
    expect(a.conflicts() + b.conflicts()).toBeGreaterThan(0);
  });

  test('although the lease is taken away while it applies', async () => {
    const appended = await appendEntries(redis, manyEntries(1500));
    const projectors = await Promise.all([
      runProjector(server.url, { batchSize: 10 }),
      runProjector(server.url, { batchSize: 10 }),
    ]);
    const taking = setInterval(() => {
      redis.set(KEYS.lease, 'somebody else', 'PX', 30).catch(() => undefined);
    }, 50);
    try {
      await expectProjected(appended);
    } finally {
      clearInterval(taking);
    }
    const events = projectors
      .flatMap(({ commits }) => commits)
      .reduce((sum, { applied, duplicate, stale, quarantined }) => {
        return sum + applied + duplicate + stale + quarantined;
      }, 0);
    expect(events).toBe(1500);
  });

  test('also of the new history after Redis was emptied under it', async () => {
    const projector = await runProjector(server.url);
    await expectProjected(await appendEntries(redis, manyEntries(50)));
    await redis.flushall();
    // The same ids again, and lower ones than were projected: a reader that went on would skip them.
    await expectProjected(await appendEntries(redis, manyEntries(20, 2)));
    expect(projector.health().ready).toBe(true);
  });
});

describe('a standby', () => {
  test('is what a projector becomes, within seconds, that has lost the lease', async () => {
    const projector = await runProjector(server.url);
    const backlog = await appendEntries(redis, manyEntries(10));
    await expectProjected(backlog);
    await redis.set(KEYS.lease, 'somebody else', 'PX', 60_000);
    await eventually(() => expect(projector.health().details.role).toBe('standby'), 4000);
    await appendEntries(redis, [anEntry()], 10);
    expect(await redis.get(KEYS.lease)).toBe('somebody else');
    await redis.del(KEYS.lease);
    await whenProjected(redis, nthEntryId(10));
  });

  test('is ready, applies nothing, and takes over at once from one that stops', async () => {
    const first = await runProjector(server.url);
    const backlog = await appendEntries(redis, manyEntries(30));
    await expectProjected(backlog);
    const second = await runProjector(server.url);
    await eventually(() =>
      expect(second.health()).toMatchObject({ ready: true, details: { role: 'standby' } }),
    );
    const live = await appendEntries(redis, manyEntries(30, 2), 30);
    await expectProjected([...backlog, ...live]);
    expect(second.commits).toEqual([]);

    await first.stop();
    const startedAt = performance.now();
    const later = await appendEntries(redis, manyEntries(30, 3), 60);
    await expectProjected([...backlog, ...live, ...later]);
    expect(performance.now() - startedAt).toBeLessThan(2500);
    expect(second.conflicts()).toBe(0);
  });

  test('takes over within seconds from one that vanished', async () => {
    await redis.set(KEYS.lease, 'one that vanished', 'PX', 5000);
    const startedAt = performance.now();
    const projector = await runProjector(server.url);
    await expectProjected(await appendEntries(redis, manyEntries(30)));
    const tookMs = performance.now() - startedAt;
    expect(tookMs).toBeGreaterThan(4500);
    expect(tookMs).toBeLessThan(8000);
    expect(projector.conflicts()).toBe(0);
  });

  test('is one only: of three projectors one applies', async () => {
    const projectors = await Promise.all([1, 2, 3].map(() => runProjector(server.url)));
    const roles = () => projectors.map(({ health }) => health().details.role).sort();
    await eventually(() => expect(roles()).toEqual(['applying', 'standby', 'standby']));
    await expectProjected(await appendEntries(redis, manyEntries(50)));
    expect(projectors.filter(({ commits }) => commits.length > 0)).toHaveLength(1);
  });
});
