import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { KEYS } from '../../../src/redis/keys.ts';
import { useRedis } from '../../fixtures/redis.ts';
import { dumpKeyspace } from '../../projector/keyspace.ts';
import { aRunEntry, dumpReadModel, hastyClock, projectEntries } from '../../repair/repairing.ts';
import { fakeTerminal } from '../emit/emitting.ts';
import { run } from './commands.ts';

const server = useRedis();
const ROW = KEYS.execution('run-1');
let redis: Redis;

beforeEach(async () => {
  redis = server.connect();
  await redis.hset(KEYS.projector, 'epoch', 'e1');
  await projectEntries(redis, server.url, [aRunEntry(), aRunEntry({ executionId: 'run-2' })]);
});

describe('tasktrail repair', () => {
  test('writes nothing without --yes, and says what it would', async () => {
    await redis.hset(ROW, 'status', 'error');
    const before = await dumpKeyspace(redis);
    const { code, out } = await run(server.url, ['repair']);
    expect(code).toBe(1);
    expect(out).toEqual([
      `row_field  run-1  ${ROW} has status error, should have queued`,
      expect.stringMatching(/^1 differences \(1 row_field\); 2 executions/),
      'dry run, nothing was written: --yes does it',
    ]);
    expect(await dumpKeyspace(redis)).toEqual(before);
  });

  test('mends with --yes, and says that dashboards reload', async () => {
    const before = await dumpReadModel(redis);
    await redis.hset(ROW, 'status', 'error');
    const { code, out } = await run(server.url, ['repair', '--yes']);
    expect(code).toBe(0);
    expect(out).toEqual([
      `row_field  run-1  ${ROW} has status error, should have queued: mended`,
      expect.stringMatching(/^1 differences \(1 row_field\), 1 mended; 2 executions/),
      'a new epoch was opened: every connected dashboard loads its snapshot again',
    ]);
    expect(await dumpReadModel(redis)).toEqual(before);
    expect(await redis.hget(KEYS.projector, 'formerEpochs')).toBe('e1');
    const again = await run(server.url, ['repair', '--yes', '--json']);
    expect([again.code, again.out]).toEqual([0, []]);
    expect(again.err).toEqual([expect.stringMatching(/^no difference; /)]);
  });

  test('says with --json of each difference whether it is mended, and of what it cannot mend that', async () => {
    await redis.hset(ROW, 'status', 'error');
    const lines = (await run(server.url, ['repair', '--yes', '--json'])).out;
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { field: 'status', mended: true },
    ]);
    await redis.xtrim(KEYS.events, 'MAXLEN', 0);
    await redis.hset(ROW, 'status', 'bogus');
    const { code, out } = await run(server.url, ['repair', '--yes']);
    expect(code).toBe(1);
    expect(out[0]).toBe(
      `row_unreadable  run-1  ${ROW} has status bogus and cannot be read, and its events are gone: set it by hand: not mended`,
    );
  });
});

describe('tasktrail rebuild', () => {
  test('writes everything anew with --yes, without a line for each, and says how fast', async () => {
    const before = await dumpReadModel(redis);
    await redis.del(ROW, KEYS.executions.all(), KEYS.executions.byStatus('queued'));
    const dry = await run(server.url, ['rebuild']);
    expect(dry.code).toBe(1);
    expect(dry.out).toEqual([
      expect.stringMatching(/^5 differences \(1 row_missing, 4 member_missing\); 2 exe/),
      'dry run, nothing was written: --yes does it',
    ]);
    const { code, out } = await run(server.url, ['rebuild', '--yes']);
    expect(code).toBe(0);
    expect(out[0]).toMatch(
      /^2 executions written anew; 5 differences \(.*\), 5 mended; 2 executions \(\d+\/s\) and 2 events \(\d+\/s\)/,
    );
    expect(await dumpReadModel(redis)).toEqual(before);
  });

  test('draws a bar on a terminal', async () => {
    const { terminal, text } = fakeTerminal();
    const { code } = await run(server.url, ['rebuild', '--yes'], { terminal });
    expect(code).toBe(0);
    expect(text()).toMatch(/\] 100% {2}2 events, \d+\/s; 2 executions/);
  });

  test('says how far it is, and how fast, now and then where there is no terminal', async () => {
    const { code, err } = await run(server.url, ['rebuild', '--yes'], { clock: hastyClock() });
    expect(code).toBe(0);
    expect(err.length).toBeGreaterThan(0);
    for (const line of err) expect(line).toMatch(/^\d+ % {2}2 events, \d+\/s; \d executions$/);
  });

  test('says that a projector must begin, where nothing tells how far one had come', async () => {
    const events = await redis.xrange(KEYS.events, '-', '+');
    await redis.flushall();
    for (const [id, pairs] of events) await redis.xadd(KEYS.events, id, ...pairs);
    const { code, out, err } = await run(server.url, ['rebuild', '--yes'], { clock: hastyClock() });
    expect(code).toBe(1);
    expect(err[0]).toMatch(/^nothing says how far .*: waiting \d+ s for a projector to begin$/);
    expect(out).toContainEqual(
      expect.stringMatching(/^nothing says how far .*: start a projector/),
    );
    expect((await run(server.url, ['check'])).code).toBe(1);
  });

  test('stops at once when it is told to, and says how to go on', async () => {
    const stop = new AbortController();
    stop.abort();
    const { code, out } = await run(server.url, ['rebuild', '--yes'], { signal: stop.signal });
    expect(code).toBe(1);
    expect(out.at(-1)).toBe('stopped before the end: what was done stays; run this again to go on');
  });
});
