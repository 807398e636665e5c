import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { trimStep } from '../../src/projector/trim.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { loadScript } from '../../src/redis/script.ts';
import { EventsReplacedError } from '../../src/repair/repair.ts';
import { anEntry } from '../fixtures/events.ts';
import { useRedis } from '../fixtures/redis.ts';
import { type Appended, appendEntries, applyBatch } from '../projector/batches.ts';
import { projectAll, projectEntries, type Repairing, repair } from './repairing.ts';

const server = useRedis();
const ROW = KEYS.execution('run-2');
/** Keys of a look that asks for no rows. */
const NO_ROWS = 3;
const FAR_AHEAD_MS = 1e13;
const WRONG = `row_field ${ROW} run-2 status queued error`;
let redis: Redis;
/** As the commands sign in. */
let operator: Redis;
let appended: Appended[];

/** Two executions, of which one row is wrong: where a run tells it, something comes in between. */
beforeEach(async () => {
  redis = server.connect();
  operator = server.connectAs('operator');
  await redis.hset(KEYS.projector, 'epoch', 'e1');
  const entries = ['run-1', 'run-2'].map((executionId) => anEntry({ executionId }));
  appended = await projectEntries(redis, server.url, entries);
  await redis.hset(ROW, 'status', 'error');
});

/** Runs it, and does something once, when it has read all events and told the first difference. */
async function repairAmid(between: () => Promise<unknown>, options: Repairing = {}) {
  let isDone = false;
  const onDifference = async () => {
    if (isDone) return;
    isDone = true;
    await between();
  };
  return await repair(operator, { onDifference, ...options });
}

/** Events that are applied, and of which the first is gone before a run has read any. */
async function overtake(isByProjector: boolean): Promise<void> {
  const entries = [
    anEntry({ executionId: 'run-1', status: 'success' }),
    anEntry({ executionId: 'run-3' }),
  ];
  appended = await appendEntries(redis, entries, appended.length);
  await projectAll(redis, server.url, appended);
  const minid = appended[1]?.id ?? '';
  await redis.xtrim(KEYS.events, 'MINID', minid);
  if (isByProjector) await redis.hset(KEYS.projector, 'trimmedTo', minid);
}

describe.for([
  ['the projector', true],
  ['somebody else', false],
] as const)('where %s trims events before they are read', ([, isByProjector]) => {
  test('a check blames neither Redis for it nor what was applied', async () => {
    const { differences, outcome } = await repairAmid(() => overtake(isByProjector));
    expect(differences).toEqual([WRONG]);
    expect(outcome).toMatchObject({ goneTo: appended[1]?.id, hasCounted: false });
  });

  test.for(['repair', 'rebuild'] as const)('a %s undoes nothing of it', async (mode) => {
    const { differences, unmended } = await repairAmid(() => overtake(isByProjector), { mode });
    expect([differences, unmended]).toEqual([[WRONG], []]);
    expect(await redis.hget(KEYS.execution('run-1'), 'status')).toBe('success');
    expect(await redis.hgetall(KEYS.execution('run-3'))).toMatchObject({ status: 'queued' });
  });
});

/**
 * Runs it where, with the first moment that it reads of any rows, a commit comes just before and the
 * projector's trimming just after, so that the fold never sees the events of that commit.
 */
async function repairAmidTrimming(options: Repairing) {
  const { sha1 } = loadScript('read-moment');
  const { evalsha } = operator;
  let isDone = false;
  operator.evalsha = (async (...args: Parameters<typeof evalsha>) => {
    const [script, keys] = args as unknown as [string, number];
    // One that asks for no rows has just these keys.
    const isIt = !isDone && script === sha1 && keys > NO_ROWS;
    isDone ||= isIt;
    if (isIt) {
      const entries = [
        anEntry({ executionId: 'run-1', status: 'success' }),
        anEntry({ executionId: 'run-3' }),
      ];
      expect(await applyBatch(redis, await appendEntries(redis, entries, appended.length))).toBe(
        true,
      );
    }
    const reply = await evalsha.apply(operator, args);
    if (isIt) {
      await redis.set(KEYS.lease, 'projector');
      const limits = { feedMaxLength: 200, retentionMs: 1000 };
      await trimStep(redis, KEYS, 'projector', limits, Date.now() + FAR_AHEAD_MS);
      expect(await redis.xlen(KEYS.events)).toBe(1);
    }
    return reply;
  }) as typeof evalsha;
  return await repair(operator, options);
}

describe('where events are trimmed after the moment of a look, before its fold has read them', () => {
  test.for(['check', 'repair', 'rebuild'] as const)(
    'a %s takes no old state for the right one',
    async (mode) => {
      const { differences } = await repairAmidTrimming({ mode });
      expect(differences.filter((difference) => !difference.includes('run-2'))).toEqual([]);
      expect(await redis.hget(KEYS.execution('run-1'), 'status')).toBe('success');
      expect(await redis.hgetall(KEYS.execution('run-3'))).toMatchObject({ status: 'queued' });
    },
  );
});

describe('a run ends with the remedy, and blames what has happened,', () => {
  test('when Redis lost its tail, and other events took its place', async () => {
    const lose = async () => {
      await redis.del(KEYS.events);
      await redis.xadd(KEYS.events, '1-1', ...anEntry());
      await redis.hset(KEYS.projector, 'checkpoint', '1-1');
    };
    const running = repairAmid(lose);
    await expect(running).rejects.toBeInstanceOf(EventsReplacedError);
    await expect(running).rejects.toThrow(
      `${KEYS.events} no longer has ${appended[1]?.id}, which was read from it: Redis lost its tail`,
    );
  });

  test('when the checkpoint went back', async () => {
    const running = repairAmid(() => redis.hdel(KEYS.projector, 'checkpoint'));
    await expect(running).rejects.toThrow(
      `the checkpoint in ${KEYS.projector} went back behind ${appended[1]?.id}`,
    );
  });
});
