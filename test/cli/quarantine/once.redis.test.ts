import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { StreamId } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { beforeEach, expect, test } from 'vitest';
import { selectQuarantined } from '../../../src/cli/quarantine/selection.ts';
import { RedisAwayError } from '../../../src/cli/redis-session.ts';
import { KEYS } from '../../../src/redis/keys.ts';
import { anEntry, idOf } from '../../fixtures/events.ts';
import { eventually } from '../../fixtures/facts.ts';
import { useRedis } from '../../fixtures/redis.ts';
import { runPayload } from '../../intake/webhooks/payloads.ts';
import { eventsAfter, idsInQuarantine, project, quarantine } from './commands.ts';

/** Whatever happens in between, every entry is appended once, in order, and none is lost. */
const server = useRedis({ appendOnly: true });
const COUNT = 400;
const ARGV = ['replay', '--yes', '--all', '--set', 'status=queued'];

let redis: Redis;
let sources: string[];
let last: StreamId;

beforeEach(async () => {
  redis = server.connect();
  const pipeline = redis.pipeline();
  for (let i = 0; i < COUNT; i += 1) {
    pipeline.xadd(
      KEYS.events,
      '*',
      ...anEntry({ executionId: `run-${i % 50}`, status: undefined }),
    );
  }
  const replies = (await pipeline.exec()) ?? [];
  sources = replies.map(([, id]) => String(id));
  last = idOf(sources.at(-1) ?? '');
  await project(redis, server.url);
  expect(await idsInQuarantine(redis)).toHaveLength(COUNT);
});

async function replayedSources(): Promise<string[]> {
  const events = await eventsAfter(redis, last);
  return events.map(([, pairs]) => String(pairs.at(-1)));
}

async function expectAllOnceInOrder(): Promise<void> {
  expect(await replayedSources()).toEqual(sources);
  expect(await idsInQuarantine(redis)).toEqual([]);
  await project(redis, server.url);
  expect(await idsInQuarantine(redis)).toEqual([]);
  expect(await redis.zcard(KEYS.executions.all())).toBe(50);
}

test('three replays at once', async () => {
  const outcomes = await Promise.all([1, 2, 3].map(() => quarantine(server.url, ARGV)));
  expect(outcomes.map(({ code }) => code)).toEqual([0, 0, 0]);
  const lines = outcomes.flatMap(({ out }) => out.slice(0, -1));
  expect(lines.filter((line) => line.includes('replayed as'))).toHaveLength(COUNT);
  expect(lines.filter((line) => line.includes('replayed before'))).toEqual([]);
  await expectAllOnceInOrder();
});

test('three replays of webhooks at once', async () => {
  await redis.del(KEYS.quarantine);
  const parked: string[] = [];
  for (let id = 1; id <= 100; id += 1) {
    const payload = JSON.stringify(runPayload({ id }));
    const webhook = ['webhook', 'github', 'name', 'workflow_run', 'delivery', `d-${id}`];
    const tail = ['reason', 'unmapped_payload', 'field', '', 'detail', '', 'sourceId', ''];
    parked.push(
      `${await redis.xadd(KEYS.quarantine, '*', ...webhook, 'payload', payload, ...tail)}`,
    );
  }
  await Promise.all([1, 2, 3].map(() => quarantine(server.url, ['replay', '--yes', '--all'])));
  expect(await replayedSources()).toEqual(parked);
  expect(await idsInQuarantine(redis)).toEqual([]);
});

test('of more than one call takes, the oldest come first', async () => {
  const taken = await selectQuarantined(redis, KEYS, [], { all: true }, Date.now(), 30);
  const ids = await idsInQuarantine(redis);
  expect(taken).toEqual({ ids: ids.slice(0, 30), missing: [], isCut: true });
  const all = await selectQuarantined(redis, KEYS, [], { all: true }, Date.now(), COUNT);
  expect(all).toEqual({ ids, missing: [], isCut: false });
});

test('a replay that is killed, and another one after it', async () => {
  for (const atLeast of [40, 120]) {
    const child = spawnReplay();
    const exit = once(child, 'exit');
    await eventually(async () => {
      expect((await replayedSources()).length).toBeGreaterThan(atLeast);
    });
    child.kill('SIGKILL');
    await exit;
    const replayed = await replayedSources();
    expect(replayed).toEqual(sources.slice(0, replayed.length));
    expect(await idsInQuarantine(redis)).toHaveLength(COUNT - replayed.length);
  }
  expect((await quarantine(server.url, ARGV)).code).toBe(0);
  await expectAllOnceInOrder();
});

test('Redis goes away meanwhile, and the replay says so and goes on when it is run again', async () => {
  let lines = 0;
  let killed: Promise<unknown> | undefined;
  const cutOff = quarantine(server.url, ARGV, () => {
    lines += 1;
    if (lines === 100) killed = server.server.kill();
  });
  await expect(cutOff).rejects.toThrow(RedisAwayError);
  await killed;
  await server.server.restart();
  expect((await quarantine(server.url, ARGV)).code).toBe(0);
  await expectAllOnceInOrder();
});

/** A process of its own that replays all and says nothing. */
function spawnReplay() {
  const source = new URL('../../../src/', import.meta.url);
  const code = `
    import { runQuarantineReplay } from '${new URL('cli/quarantine/replay.ts', source)}';
    import { KEYS } from '${new URL('redis/keys.ts', source)}';
    const pause = new Int32Array(new SharedArrayBuffer(4));
    const options = { all: true, yes: true, set: new Map([['status', 'queued']]) };
    // Slowed down, so that there is a time to kill it.
    const write = () => Atomics.wait(pause, 0, 0, 2);
    const io = { redis: { url: '${server.url}' }, keys: KEYS, write, writeError: () => {} };
    await runQuarantineReplay([], options, io);`;
  const argv = ['--conditions=tasktrail-source', '--input-type=module', '--eval', code];
  return spawn(process.execPath, argv, { stdio: 'inherit' });
}
