import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { KEYS } from '../../../src/redis/keys.ts';
import { anEntry } from '../../fixtures/events.ts';
import { eventually } from '../../fixtures/facts.ts';
import { usePrograms } from '../../fixtures/program.ts';
import { useRedis } from '../../fixtures/redis.ts';
import type { Dump } from '../../projector/keyspace.ts';
import { dumpReadModel, projectEntries } from '../../repair/repairing.ts';

const server = useRedis();
const programs = usePrograms();
const EXECUTIONS = 4000;
/** So little memory that there are several passes. */
const REBUILD = ['rebuild', '--yes', '--memory', '1'];
let redis: Redis;
let before: Dump;

beforeEach(async () => {
  redis = server.connect();
  await redis.hset(KEYS.projector, 'epoch', 'e1');
  const entries = Array.from({ length: EXECUTIONS }, (_, n) =>
    anEntry({ executionId: `run-${n}` }),
  );
  await projectEntries(redis, server.url, entries);
  before = await dumpReadModel(redis);
  await redis.del(...Object.keys(before).filter((key) => KEYS.readModel.parse(key) !== undefined));
});

const environment = () => ({ TASK_TRACKING_REDIS_URL: server.url });

/** Starts a rebuild, and resolves when it has come some way. */
async function startRebuild() {
  const program = programs.start(REBUILD, environment());
  await eventually(async () => {
    expect(Number(await redis.hget(KEYS.repair, 'rowsFrom'))).toBeGreaterThan(2 ** 30);
  });
  return program;
}

describe('a rebuild', { timeout: 90_000 }, () => {
  test('that is killed is gone on with by running it again', async () => {
    const program = await startRebuild();
    await program.kill();
    const left = Object.keys(before).length - Object.keys(await dumpReadModel(redis)).length;
    expect(left).toBeGreaterThan(0);
    const { code, stdout, stderr } = await programs.run(REBUILD, environment());
    expect(stderr).toMatch(/^going on where an interrupted run was, at \d+ %$/m);
    expect(code).toBe(0);
    const [, written = ''] = /^(\d+) executions written anew/.exec(stdout) ?? [];
    expect(Number(written)).toBeLessThan(EXECUTIONS);
    expect(stdout).toContain('a new epoch was opened');
    expect(await dumpReadModel(redis)).toEqual(before);
    const check = await programs.run(['check'], environment());
    expect([check.code, check.stdout]).toEqual([0, expect.stringMatching(/^no difference; /)]);
  });

  test('that is interrupted ends with exit code 1, and what it has mended is told', async () => {
    const program = await startRebuild();
    program.signal('SIGINT');
    expect(await program.exited).toEqual({ code: 1, signal: null });
    expect(program.stdout).toContain('stopped before the end');
    expect(await redis.hget(KEYS.projector, 'formerEpochs')).toBe('e1');
    expect((await programs.run(REBUILD, environment())).code).toBe(0);
    expect(await dumpReadModel(redis)).toEqual(before);
  });

  test('whose Redis dies ends with what to do', async () => {
    const program = await startRebuild();
    await server.server.kill();
    expect(await program.exited).toEqual({ code: 1, signal: null });
    expect(program.stderr).toMatch(/does not answer .*run this again: nothing was left half done/);
  });
});
