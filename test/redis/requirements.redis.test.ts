import { existsSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startPrivateRedis } from '../../src/demo/private-redis.ts';
import type { PrivateRedis } from '../../src/demo/private-redis-contract.ts';
import { redisOnPath } from '../../src/demo/redis-program.ts';
import { connectForCommands } from '../../src/redis/connections.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { needsOf } from '../../src/redis/permissions.ts';
import { judgeRequirements } from '../../src/redis/requirements.ts';
import { readFacts } from '../../src/redis/requirements-reader.ts';
import { RequirementsService } from '../../src/redis/requirements-service.ts';
import { FatalError } from '../../src/runtime/retry.ts';
import { eventually } from '../fixtures/facts.ts';
import { type TestRedis, useRedis } from '../fixtures/redis.ts';

const NEEDS = needsOf({ applies: true, serves: true, takes: true }, KEYS);

/** A connection as the program has it, until the test ends. */
async function connectAs(url: string, user?: string): Promise<Redis> {
  const address = new URL(url);
  if (user !== undefined) Object.assign(address, { username: user, password: 'secret' });
  const redis = connectForCommands({ url: address.href, name: 'test', onError: () => undefined });
  onTestFinished(() => redis.disconnect());
  await redis.connect();
  return redis;
}

async function findings(redis: Redis) {
  const found = judgeRequirements(await readFacts(redis, NEEDS));
  return found.map(({ severity, requirement }) => `${severity} ${requirement}`);
}

interface Line {
  readonly level: string;
  readonly requirement?: string;
  readonly msg: string;
}

/** Runs the service until the test ends. */
function runService(redis: Redis) {
  const lines: Line[] = [];
  const logger = pino(
    { formatters: { level: (level) => ({ level }) } },
    { write: (line) => lines.push(JSON.parse(line)) },
  );
  const service = new RequirementsService({ redis, needs: NEEDS, logger });
  const stop = new AbortController();
  const run = () => {
    const ended = service.run(stop.signal);
    onTestFinished(async () => {
      stop.abort();
      await ended.catch(() => undefined);
    });
    return ended;
  };
  const told = () => lines.map(({ level, requirement }) => `${level} ${requirement}`);
  return { service, run, lines, told };
}

describe('a Redis with the append-only file', () => {
  const server = useRedis({ appendOnly: true });

  test('that evicts nothing is found without fault', async () => {
    const redis = await connectAs(server.url);
    expect(await findings(redis)).toEqual([]);
    const { service, told } = runService(redis);
    await service.lookAtStart();
    expect(told()).toEqual([]);
    expect(service.health()).toEqual({ ready: true, details: { findings: [] } });
  });

  test('is not written to by the look', async () => {
    const redis = await connectAs(server.url);
    await readFacts(redis, NEEDS);
    expect(await redis.dbsize()).toBe(0);
  });

  test('is looked at without a fault although its keys hold something else', async () => {
    const redis = await connectAs(server.url);
    for (const { key } of NEEDS) if (key !== undefined) await redis.set(key, 'x');
    expect(await findings(redis)).toEqual([]);
  });

  test('that evicts and is bounded is refused, with everything that is wrong', async () => {
    const redis = await connectAs(server.url);
    await server.connect().config('SET', 'maxmemory-policy', 'allkeys-lru');
    await server.connect().config('SET', 'appendonly', 'no');
    onTestFinished(() => restore(server));
    expect(await findings(redis)).toEqual(['warning eviction', 'warning persistence']);
    await server.connect().config('SET', 'maxmemory', '100mb');
    const { service, told } = runService(redis);
    const error = await service.lookAtStart().catch((cause) => cause);
    expect(error).toBeInstanceOf(FatalError);
    expect(error.message).toMatch(/^Redis cannot be used as it is:\n {2}eviction: .*allkeys-lru/);
    expect(error.message).toContain('CONFIG SET maxmemory-policy noeviction');
    expect(error.message).toContain('CONFIG SET appendonly yes');
    expect(told()).toEqual([]);
  });

  test('that becomes otherwise while the process runs is told once, and ends nothing', async () => {
    const redis = await connectAs(server.url);
    const { service, run, told } = runService(redis);
    await service.lookAtStart();
    const ended = run();
    const admin = server.connect();
    await admin.config('SET', 'maxmemory', '100mb');
    await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
    onTestFinished(() => restore(server));
    // As a failover does: other settings come with another connection.
    redis.disconnect(true);
    await eventually(() => expect(told()).toEqual(['error eviction']));
    // What is known already is not told again.
    await admin.config('SET', 'appendonly', 'no');
    redis.disconnect(true);
    await eventually(() => expect(told()).toEqual(['error eviction', 'warn persistence']));
    await admin.config('SET', 'appendonly', 'yes');
    await admin.config('SET', 'maxmemory', '0');
    redis.disconnect(true);
    await eventually(() => expect(told().at(-1)).toBe('warn eviction'));
    expect(service.health().details).toEqual({ findings: ['warning: eviction'] });
    expect(await Promise.race([ended, 'still runs'])).toBe('still runs');
  });
});

test.for<[what: string, policy: string, isRefused: boolean]>([
  ['refused then', 'allkeys-lru', true],
  ['found without fault then', 'noeviction', false],
])(
  'a Redis that is away at start is looked at when it comes, and %s',
  async ([, policy, isRefused]) => {
    const settings = { maxmemory: '100mb', 'maxmemory-policy': policy };
    const server = await start(redisOnPath(process.env.PATH), settings);
    await server.kill();
    const redis = connectForCommands({ url: server.url, name: 'test', onError: () => undefined });
    onTestFinished(() => redis.disconnect());
    await redis.connect().catch(() => undefined);
    const { service, run } = runService(redis);
    await service.lookAtStart();
    expect(service.health()).toEqual({ ready: true, details: { findings: null } });
    const ended = run();
    // It may end before the restart is over.
    ended.catch(() => undefined);
    await server.restart();
    if (isRefused) {
      await expect(ended).rejects.toThrow('CONFIG SET maxmemory-policy noeviction');
    } else {
      await eventually(() => expect(service.health().details).toEqual({ findings: [] }));
      expect(await Promise.race([ended, 'still runs'])).toBe('still runs');
    }
  },
);

describe('permissions', () => {
  const server = useRedis({ appendOnly: true });

  const asUser = async (...rules: string[]) => {
    await server.connect().acl('SETUSER', 'low', 'reset', 'on', '>secret', ...rules);
    return await connectAs(server.url, 'low');
  };

  test('of a user that has just what is tried are found to be enough', async () => {
    const commands = new Set(NEEDS.map(({ command }) => `+${command}`));
    const more = ['+eval', '+evalsha', '+info', '+config|get', '+acl|whoami', '+ping'];
    const redis = await asUser('~task-*', ...commands, ...more);
    expect(await findings(redis)).toEqual([]);
  });

  test('each that is missing is found, by its name', async () => {
    const admin = server.connect();
    for (const command of new Set(NEEDS.map((need) => need.command))) {
      const redis = await asUser('~task-*', '+@all', `-${command}`);
      const { refusals } = await readFacts(redis, NEEDS);
      const expected = NEEDS.filter((need) => need.command === command);
      expect(refusals.map((refusal) => 'need' in refusal && refusal.need)).toEqual(expected);
      expect(new Set(refusals.map(({ kind }) => kind))).toEqual(new Set(['command']));
      redis.disconnect();
    }
    expect(await admin.dbsize()).toBe(0);
  });

  test('to keys that are missing are found, by what they begin with', async () => {
    const redis = await asUser('~task-events:*', '~task-updates:*', '~task-intake:*', '+@all');
    const { refusals } = await readFacts(redis, NEEDS);
    expect(new Set(refusals.map(({ kind }) => kind))).toEqual(new Set(['key']));
    const [finding] = judgeRequirements(await readFacts(redis, NEEDS));
    expect(finding?.remedy).toContain('ACL SETUSER low ~task-tracking:*,');
  });

  test('to run scripts that are missing are all that is found', async () => {
    for (const command of ['eval', 'evalsha']) {
      const redis = await asUser('~*', '+@all', `-${command}`);
      expect((await readFacts(redis, NEEDS)).refusals).toEqual([{ kind: 'scripts', command }]);
    }
  });

  test('to ask what it is like that are missing are notes only', async () => {
    const redis = await asUser('~*', '+@all', '-info', '-config', '-acl');
    expect(await findings(redis)).toEqual(['note eviction', 'note persistence']);
    const { service, lines } = runService(redis);
    await service.lookAtStart();
    expect(lines.map(({ level }) => level)).toEqual(['info', 'info']);
  });

  test('to INFO or to CONFIG GET: either is enough', async () => {
    expect(await findings(await asUser('~*', '+@all', '-info'))).toEqual([]);
    expect(await findings(await asUser('~*', '+@all', '-config'))).toEqual([]);
  });
});

describe('a server of another kind', () => {
  test('in cluster mode is refused', async () => {
    const server = await start(redisOnPath(process.env.PATH), { 'cluster-enabled': 'yes' });
    const redis = await connectAs(server.url);
    expect(await findings(redis)).toContain('fatal mode');
  });

  test.for(['/opt/redis8', '/opt/valkey8'])(
    'of a later version does: %s',
    async (folder, { skip }) => {
      if (!existsSync(`${folder}/redis-server`)) skip('it is not installed here');
      const server = await start(redisOnPath(folder), {});
      const redis = await connectAs(server.url);
      const facts = await readFacts(redis, NEEDS);
      expect(facts.product).toBe(folder.includes('valkey') ? 'valkey' : 'redis');
      expect(facts.version).toMatch(/^8\./);
      expect(judgeRequirements(facts)).toEqual([]);
      await redis.acl('SETUSER', 'low', 'on', '>secret', '~task-events:*', '+@all', '-xtrim');
      const low = await connectAs(server.url, 'low');
      const { refusals } = await readFacts(low, NEEDS);
      const kinds = Map.groupBy(refusals, ({ kind }) => kind);
      expect(kinds.get('command')).toMatchObject([
        { need: { command: 'xtrim', key: KEYS.events } },
      ]);
      expect(kinds.get('key')?.length).toBeGreaterThan(20);
    },
  );
});

async function start(
  finder: ReturnType<typeof redisOnPath>,
  settings: Readonly<Record<string, string>>,
): Promise<PrivateRedis> {
  const server = await startPrivateRedis({ finder, appendOnly: true, settings });
  onTestFinished(() => server.stop());
  return server;
}

async function restore(server: TestRedis): Promise<void> {
  const admin = server.connect();
  await admin.config('SET', 'maxmemory', '0');
  await admin.config('SET', 'maxmemory-policy', 'noeviction');
  await admin.config('SET', 'appendonly', 'yes');
  admin.disconnect();
}
