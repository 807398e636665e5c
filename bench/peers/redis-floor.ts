import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { KeptRedis } from '../apply/kept-redis.ts';
import type { Contestant } from '../harness/bench.ts';
import { SERVER_CORE } from '../harness/processes.ts';

const run = promisify(execFile);

/** Connections of redis-benchmark, and commands that each sends before it reads the answers. */
const CLIENTS = 10;
const PIPELINE = 50;

/** What one event costs at the least: its change, its row, and the ordered sets that hold it. */
const ONE_EVENT = `
redis.call('XADD', KEYS[1], '*', 'item', ARGV[2])
redis.call('HSET', KEYS[2], 'status', 'success', 'occurredAt', ARGV[3], 'lastEventId', ARGV[3], 'finishedAt', ARGV[3])
for i = 3, #KEYS do redis.call('ZADD', KEYS[i], ARGV[1], KEYS[2]) end`;

const ITEM = 'x'.repeat(600);
const TIME = '2026-11-20T12:00:00.000Z';
/** redis-benchmark puts a random number there. */
const ANY = '__rand_int__';

/** Commands of redis-benchmark, by what they are called in the results. */
const FLOOR_COMMANDS = {
  'XADD/s': ['XADD', 'floor:feed', 'MAXLEN', '~', '10000', '*', 'item', ITEM],
  'HSET/s': ['HSET', `floor:row:${ANY}`, 'status', 'success', 'occurredAt', TIME],
  'ZADD/s': ['ZADD', 'floor:set', ANY, `run-${ANY}`],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** redis-benchmark: what this Redis does of the single commands, and of one event's at once. */
export async function redisFloorContestant(isQuick: boolean): Promise<Contestant> {
  const version = await findProgram();
  const requests = isQuick ? 20_000 : 200_000;
  let empty: Promise<KeptRedis> | undefined;
  return {
    name: 'redis-benchmark',
    version: version ?? 'redis-benchmark',
    ...(version === undefined && { missing: 'install redis-tools' }),
    measure: async () => {
      empty ??= KeptRedis.fill(async () => undefined);
      return await (await empty).run(async (url, client) => {
        const sha1 = (await client.script('LOAD', ONE_EVENT)) as string;
        const figures: Record<string, number> = {};
        figures['events/s'] = await benchmark(url, oneEventCommand(sha1), requests);
        for (const [figure, command] of Object.entries(FLOOR_COMMANDS)) {
          figures[figure] = await benchmark(url, command, requests);
        }
        return figures;
      });
    },
  };
}

/** Its version; undefined where it is not there. */
async function findProgram(): Promise<string | undefined> {
  try {
    return (await run('redis-benchmark', ['--version'])).stdout.trim();
  } catch {
    return undefined;
  }
}

/** @returns how many a second */
async function benchmark(
  redisUrl: string,
  command: readonly string[],
  requests: number,
): Promise<number> {
  const { hostname, port } = new URL(redisUrl);
  const options = ['-h', hostname, '-p', port, '-c', CLIENTS, '-P', PIPELINE, '-n', requests];
  const args = ['--cpu-list', SERVER_CORE, 'redis-benchmark', ...options, '-r', 100_000, '--csv'];
  const { stdout } = await run('taskset', [...args, ...command].map(String));
  const lastLine = stdout.trim().split('\n').at(-1) ?? '';
  // The first column is the command itself.
  const [, rate] = /","([\d.]+)"/.exec(lastLine) ?? [];
  if (rate === undefined) throw new Error(`redis-benchmark said: ${stdout}`);
  return Number(rate);
}

function oneEventCommand(sha1: string): string[] {
  const sets = ['all', 'status', 'project', 'project-status', 'principal'];
  const keys = ['floor:feed', `floor:row:${ANY}`, ...sets.map((of) => `floor:${of}`)];
  return ['EVALSHA', sha1, String(keys.length), ...keys, ANY, ITEM, TIME];
}
