import { STREAM_START } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { createEpoch, replaceEpoch } from '../../src/redis/epoch.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { type Mend, mendRow, writeMends } from '../../src/repair/mend.ts';
import type { MomentPlace } from '../../src/repair/moment.ts';
import { WHOLE } from '../../src/repair/slice.ts';
import { SliceReader } from '../../src/repair/slice-reader.ts';
import { anEntry } from '../fixtures/events.ts';
import { useRedis } from '../fixtures/redis.ts';
import { appendEntries, applyBatch } from '../projector/batches.ts';
import { dumpKeyspace } from '../projector/keyspace.ts';
import { repair } from './repairing.ts';

const server = useRedis();
const ROW = KEYS.execution('run-1');
let redis: Redis;
let entries = 0;

beforeEach(async () => {
  redis = server.connect();
  entries = 0;
  await redis.hset(KEYS.projector, 'epoch', 'e1');
  await commit({});
});

/** Appends an event of run-1, or another, and applies it as a projector does. */
async function commit(fields: Parameters<typeof anEntry>[0]): Promise<void> {
  const appended = await appendEntries(redis, [anEntry(fields)], entries);
  entries += 1;
  expect(await applyBatch(redis, appended)).toBe(true);
}

/** Compares run-1 as it is now, and says what would mend it. */
async function compare(): Promise<{ place: MomentPlace; mend: Mend }> {
  const reader = new SliceReader({
    ...{ redis, keys: KEYS, slice: WHOLE, maxBytes: 1_000_000, applied: STREAM_START },
    ...{ onEvents: () => undefined, onApplied: () => undefined, onNamed: () => undefined },
  });
  const asked = new Map([['run-1', new Set<string>()]]);
  for await (const { place, looked } of reader.look(asked)) {
    for (const { executionId, target, found } of looked) {
      const mend = mendRow(executionId, target, found, KEYS);
      if (mend !== undefined) return { place, mend };
    }
  }
  throw new Error('run-1 was not looked at');
}

async function write({ place, mend }: { place: MomentPlace; mend: Mend }): Promise<boolean> {
  const { isWritten } = await writeMends(redis, KEYS, place, [mend]);
  return isWritten[0] === true;
}

describe('a row is written anew', () => {
  test('as it was compared, where nothing came between', async () => {
    await redis.hset(ROW, 'status', 'error');
    expect(await write(await compare())).toBe(true);
    expect(await redis.hget(ROW, 'status')).toBe('queued');
  });

  test('although events of other executions came between', async () => {
    await redis.hset(ROW, 'status', 'error');
    const compared = await compare();
    for (let n = 0; n < 20; n += 1) await commit({ executionId: `other-${n}` });
    expect(await write(compared)).toBe(true);
    expect(await redis.hget(ROW, 'status')).toBe('queued');
  });
});

describe('a row is left', () => {
  test('when a commit has changed it since it was compared', async () => {
    await redis.hset(ROW, 'status', 'error');
    const compared = await compare();
    await commit({ status: 'in_progress', occurredAt: '2026-11-20T12:00:01Z' });
    const committed = await dumpKeyspace(redis);
    expect(await write(compared)).toBe(false);
    expect(await dumpKeyspace(redis)).toEqual(committed);
  });

  test('when it was compared as lost, and a commit has begun it anew', async () => {
    await redis.del(ROW);
    const compared = await compare();
    await commit({ status: 'in_progress', occurredAt: '2026-11-20T12:00:01Z' });
    expect(await write(compared)).toBe(false);
    expect(await redis.hget(ROW, 'status')).toBe('in_progress');
  });

  test('when the checkpoint is no position any more, as after a change by hand', async () => {
    await redis.hset(ROW, 'status', 'error');
    const compared = await compare();
    await redis.hset(KEYS.projector, 'checkpoint', 'xx');
    expect(await write(compared)).toBe(false);
    expect(await redis.hget(ROW, 'status')).toBe('error');
  });

  test('when it is no longer the one that was compared, whoever changed it', async () => {
    await redis.hset(ROW, 'status', 'error');
    const compared = await compare();
    await redis.hset(ROW, 'lastEventId', '7-0');
    expect(await write(compared)).toBe(false);
    await redis.del(ROW);
    expect(await write(compared)).toBe(false);
  });

  test('when an event of it was looked at since, though it could not be applied to a wrong row', async () => {
    await redis.del(ROW);
    const compared = await compare();
    await commit({ status: undefined, project: undefined, message: 'late' });
    expect(await redis.xlen(KEYS.quarantine)).toBe(1);
    expect(await write(compared)).toBe(false);
    expect(await redis.exists(ROW)).toBe(0);
    // The next look has the event, and the row with it.
    expect(await write(await compare())).toBe(true);
    expect(await redis.hget(ROW, 'message')).toBe('late');
  });

  test('when more events came since than are looked through', async () => {
    await redis.hset(ROW, 'status', 'error');
    const compared = await compare();
    const others = Array.from({ length: 2001 }, () => anEntry({ executionId: 'other' }));
    const appended = await appendEntries(redis, others, 10);
    expect(await applyBatch(redis, appended)).toBe(true);
    expect(await write(compared)).toBe(false);
    expect(await write(await compare())).toBe(true);
  });

  test('when the epoch is another', async () => {
    const compared = await compare();
    await replaceEpoch(redis, KEYS, 'e1', createEpoch(), 'e1');
    expect(await write(compared)).toBe(false);
  });

  test('when the checkpoint went back, or is gone', async () => {
    await commit({ message: 'second' });
    const compared = await compare();
    await redis.hset(KEYS.projector, 'checkpoint', '1795211160000-0');
    expect(await write(compared)).toBe(false);
    await redis.hdel(KEYS.projector, 'checkpoint');
    expect(await write(compared)).toBe(false);
  });

  test('with an error when the layout is another', async () => {
    const compared = await compare();
    await redis.hset(KEYS.projector, 'layout', '2');
    await expect(write(compared)).rejects.toThrow('OTHERLAYOUT');
    await expect(compare()).rejects.toThrow('layout 2');
    await expect(repair(redis, { mode: 'rebuild' })).rejects.toThrow('layout 2');
    expect(await redis.exists(KEYS.repair)).toBe(0);
  });
});

describe('ids', () => {
  test('are compared as numbers, when a checkpoint is judged to have gone back', async () => {
    await redis.xadd(KEYS.events, '1795211160000-9', ...anEntry({ executionId: 'a' }));
    await redis.hset(KEYS.projector, 'checkpoint', '1795211160000-9');
    const compared = await compare();
    await redis.xadd(KEYS.events, '1795211160000-10', ...anEntry({ executionId: 'b' }));
    await redis.hset(KEYS.projector, 'checkpoint', '1795211160000-10');
    expect(await write(compared)).toBe(true);
  });
});
