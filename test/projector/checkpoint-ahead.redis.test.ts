import type { StreamId } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { CheckpointAheadError, refuseAhead } from '../../src/projector/checkpoint-ahead.ts';
import { loadState } from '../../src/projector/commit.ts';
import { lagOf, readLag } from '../../src/projector/lag.ts';
import { readRemovals } from '../../src/projector/removals.ts';
import { trimStep } from '../../src/projector/trim.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { anEntry, idOf } from '../fixtures/events.ts';
import { eventually, whenProjected } from '../fixtures/facts.ts';
import { useRedis } from '../fixtures/redis.ts';
import { appendEntries, applyBatch, nthEntryId } from './batches.ts';
import { runProjector } from './running-projector.ts';

const server = useRedis();
let redis: Redis;

beforeEach(() => {
  redis = server.connect();
});

const HOUR_MS = 3_600_000;
const entries = (count: number) => Array.from({ length: count }, () => anEntry());

/** An id so many hours after the first one of `appendEntries`. */
function hoursLater(hours: number): StreamId {
  return idOf(`${1_795_211_160_000 + hours * HOUR_MS}-0`);
}

async function lag() {
  return lagOf(await readLag(redis, KEYS), 1_795_211_160_000 + HOUR_MS);
}

async function refused(): Promise<void> {
  await expect(refuseAhead(redis, KEYS)).rejects.toThrow(CheckpointAheadError);
}

describe('INV8: a projector whose checkpoint is ahead of the events', () => {
  test('is not ready and applies nothing, also once events pass it, until it is set back', async () => {
    const applied = await appendEntries(redis, entries(8));
    await applyBatch(redis, applied);
    await redis.hset(KEYS.projector, 'checkpoint', hoursLater(1));
    await appendEntries(redis, entries(2), 8);
    const projector = await runProjector(server.url);
    const failing = { ready: false, details: { failure: 'CheckpointAheadError' } };
    await eventually(() => expect(projector.health()).toMatchObject(failing));
    expect((await lag()).events).toBe(2);

    await redis.xadd(KEYS.events, hoursLater(2), ...anEntry());
    // Another one, that never saw it, does not go on either.
    await projector.stop();
    const other = await runProjector(server.url);
    await eventually(() => expect(other.health()).toMatchObject(failing), 8000);
    expect(other.commits).toEqual([]);
    expect(projector.commits).toEqual([]);
    expect((await lag()).events).toBe(3);

    await redis.hset(KEYS.projector, 'checkpoint', nthEntryId(7));
    await whenProjected(redis, hoursLater(2));
    await eventually(() => expect(other.health().ready).toBe(true));
    expect(await redis.hget(KEYS.projector, 'checkpointAhead')).toBe('');
    expect(await lag()).toEqual({ events: 0, ms: 0 });
  });

  test('sees it while it runs, and keeps the lease, so that the events are accounted for', async () => {
    const projector = await runProjector(server.url);
    await appendEntries(redis, entries(3));
    await redis.xadd(KEYS.events, hoursLater(1), ...anEntry());
    await whenProjected(redis, hoursLater(1));
    const look = async () => readRemovals(redis, KEYS, (await redis.get(KEYS.lease)) ?? '');
    await look();
    await redis.del(KEYS.events);
    await appendEntries(redis, entries(3));
    await eventually(() => expect(projector.health().details.failure).toBe('CheckpointAheadError'));
    expect(await look()).toMatchObject({ total: { lost: 0 } });
    expect(await lag()).toEqual({ events: 3, ms: HOUR_MS });
    // Told once, not with every attempt.
    expect(projector.failures()).toBe(1);
  });

  test('trims nothing, since what is before it may not have been applied', async () => {
    await applyBatch(redis, await appendEntries(redis, entries(8)));
    await redis.hset(KEYS.projector, 'checkpoint', hoursLater(1));
    await appendEntries(redis, entries(2), 8);
    await redis.set(KEYS.lease, 'this projector');
    const trim = () =>
      trimStep(redis, KEYS, 'this projector', { feedMaxLength: 200, retentionMs: 0 }, Date.now());
    await trim();
    expect(await redis.xlen(KEYS.events)).toBe(10);
    await refused();
    await redis.xadd(KEYS.events, hoursLater(2), ...anEntry());
    await trim();
    expect(await redis.xlen(KEYS.events)).toBe(11);
  });

  test('is told of by an error that names the remedy, which loading the state gives as well', async () => {
    await applyBatch(redis, await appendEntries(redis, entries(4)));
    await redis.hset(KEYS.projector, 'checkpoint', hoursLater(1));
    await expect(refuseAhead(redis, KEYS)).rejects.toThrow('tasktrail repair --yes');
    await expect(loadState(redis, KEYS)).rejects.toThrow(CheckpointAheadError);
  });

  test.for<[last: string, checkpoint: string, isAhead: boolean]>([
    ['9-0', '10-0', true],
    ['10-9', '10-10', true],
    ['10-10', '10-9', false],
    ['9007199254740992-0', '9007199254740993-0', true],
    ['18446744073709551615-0', '18446744073709551615-1', true],
  ])('an event %s and a checkpoint %s: ahead %s', async ([last, checkpoint, isAhead]) => {
    await redis.xadd(KEYS.events, last, ...anEntry());
    await redis.hset(KEYS.projector, 'checkpoint', checkpoint);
    if (isAhead) await refused();
    else await refuseAhead(redis, KEYS);
  });
});

describe('a checkpoint is not taken for one that is ahead', () => {
  test.for<[what: string, change: (id: StreamId) => Promise<unknown>]>([
    ['where its event was deleted', (id) => redis.xdel(KEYS.events, id)],
    ['where all events were trimmed', () => redis.xtrim(KEYS.events, 'MAXLEN', 0)],
    ['where the stream was deleted', () => redis.del(KEYS.events)],
    [
      'where the stream was deleted and begun anew after it',
      async () => {
        await redis.del(KEYS.events);
        await appendEntries(redis, entries(2), 20);
      },
    ],
    ['where there is none', () => redis.del(KEYS.projector)],
  ])('%s', async ([, change]) => {
    const applied = await appendEntries(redis, entries(8));
    await applyBatch(redis, applied);
    await change(nthEntryId(7));
    await refuseAhead(redis, KEYS);
    expect(await redis.hget(KEYS.projector, 'checkpointAhead')).toBeNull();
  });
});

test('the account keeps the checkpoint at which it was found that others removed events', async () => {
  await redis.set(KEYS.lease, 'this projector');
  const look = () => readRemovals(redis, KEYS, 'this projector');
  await applyBatch(redis, await appendEntries(redis, entries(8)));
  await look();
  expect(await redis.hget(KEYS.projector, 'removedTo')).toBeNull();
  await redis.xtrim(KEYS.events, 'MAXLEN', 4);
  await look();
  await applyBatch(redis, await appendEntries(redis, entries(4), 8));
  await look();
  expect(await redis.hget(KEYS.projector, 'removedTo')).toBe(nthEntryId(7));
  await redis.del(KEYS.events);
  await look();
  expect(await redis.hget(KEYS.projector, 'removedTo')).toBe(nthEntryId(11));
});

test('events that a checkpoint was moved past count as lost, and are told as what they are', async () => {
  await redis.set(KEYS.lease, 'this projector');
  await applyBatch(redis, await appendEntries(redis, entries(4)));
  await appendEntries(redis, entries(3), 4);
  await redis.hset(KEYS.projector, 'checkpoint', nthEntryId(6));
  const { total } = (await readRemovals(redis, KEYS, 'this projector')) ?? {};
  expect(total).toEqual({ removed: 0, lost: 3 });
});
