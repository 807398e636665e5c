import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { principalOf, STREAM_START, type TaskStatus } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import type { Sight } from '../src/auth/visibility.ts';
import { startPrivateRedis } from '../src/demo/private-redis.ts';
import { redisOnPath } from '../src/demo/redis-program.ts';
import { formatPageCursor } from '../src/read-model/page-cursor.ts';
import { planPage } from '../src/read-model/page-plan.ts';
import type { PageQuery, TaskFilter } from '../src/read-model/read-model.ts';
import { Snapshot } from '../src/read-model/snapshot.ts';
import { connectForCommands } from '../src/redis/connections.ts';
import { KEYS } from '../src/redis/keys.ts';
import { BUSY, EPOCH, fill, IMPORT_PROJECT, PROJECTS } from './snapshot-tasks.ts';

/**
 * How long a snapshot page takes as the number of tasks grows, on a Redis of its own: the first
 * page, and one from the middle of the walk. All sizes and queries take turns, so that whatever
 * else the machine does falls on all of them alike.
 */
const { values: options } = parseArgs({
  options: {
    sizes: { type: 'string', default: '1000,100000,1000000' },
    samples: { type: 'string', default: '300' },
    out: { type: 'string' },
  },
});
const sizes = options.sizes.split(',').map(Number);
const samples = Number(options.samples);
if (![...sizes, samples].every((value) => Number.isSafeInteger(value) && value > 0)) {
  console.error('usage: bench/snapshot.ts [--sizes 1000,100000] [--samples 300] [--out FILE]');
  process.exit(2);
}

interface Case {
  readonly name: string;
  readonly filter: TaskFilter;
  readonly sight: Sight;
  readonly limit: number;
}

/** One query at one size, and how long it took each time. */
interface Series {
  readonly name: string;
  readonly size: number;
  readonly query: PageQuery;
  readonly snapshot: Snapshot;
  readonly tookMs: number[];
}

const EVERYTHING: Sight = { kind: 'everything' };
const OWN: Sight = {
  kind: 'own',
  principals: new Set([principalOf(BUSY), 'google:person-7@example.com']),
};
const CASES: readonly Case[] = [
  { ...aCase('all tasks'), limit: 200 },
  aCase('all tasks'),
  aCase('one status', undefined, ['error']),
  aCase('three statuses', undefined, ['in_progress', 'error', 'cancelled']),
  aCase('one project', PROJECTS[3]),
  aCase('one project, two statuses', PROJECTS[3], ['success', 'error']),
  aCase('one project, all of one millisecond', IMPORT_PROJECT),
  { ...aCase('own tasks'), sight: OWN },
  { ...aCase('own tasks, one status', undefined, ['error']), sight: OWN },
];
const WARM_UP_ROUNDS = 20;

const begunAt = performance.now();
await using server = await startPrivateRedis({
  finder: redisOnPath(process.env.PATH),
  // Keeps rows in Redis' compact encoding: a third less memory, and as fast.
  settings: { 'hash-max-listpack-value': '2048' },
});
const clients: Redis[] = [];
const series: Series[] = [];
try {
  for (const [db, size] of sizes.entries()) {
    const redis = connectForCommands({
      url: `${server.url}/${db}`,
      name: 'bench',
      onError: console.error,
    });
    clients.push(redis);
    await redis.connect();
    const bytesBefore = await usedBytes(redis);
    await fill(redis, KEYS, size);
    const bytes = Math.round(((await usedBytes(redis)) - bytesBefore) / size);
    console.error(`${secondsSinceStart()}: ${inThousands(size)} tasks written, ${bytes} B each`);
    for (const one of CASES) series.push(...(await seriesOf(one, redis, size)));
  }
  for (let round = -WARM_UP_ROUNDS; round < samples; round += 1) {
    for (const { snapshot, query, tookMs } of series) {
      const startedAt = performance.now();
      await snapshot.page(query);
      if (round >= 0) tookMs.push(performance.now() - startedAt);
    }
  }
} finally {
  for (const client of clients) client.disconnect();
}
console.error(`${secondsSinceStart()}: ${samples} samples of each measured`);
const report = `${tableOf(series)}\n\n${conclusionOf(series)}\n`;
console.log(report);
if (options.out !== undefined) await writeFile(options.out, report);

/** Pages of 20: so few that with 1,000 tasks, too, the middle page of every query is full. */
function aCase(name: string, project?: string, statuses: readonly TaskStatus[] = []): Case {
  return { name, filter: { project, statuses }, sight: EVERYTHING, limit: 20 };
}

/** The first page, and one from the middle. */
async function seriesOf(one: Case, redis: Redis, size: number): Promise<Series[]> {
  const snapshot = new Snapshot(redis, KEYS);
  const { name, ...query } = one;
  const first = { ...query, cursor: undefined };
  const { items } = await snapshot.page(first);
  if (items.length < one.limit) throw new Error(`${name}: ${size} tasks do not fill a page`);
  const middle = { ...query, cursor: await middleCursor(one, snapshot, redis) };
  return [
    { name: `${name}: first ${one.limit}`, size, query: first, snapshot, tookMs: [] },
    { name: `${name}: ${one.limit} from the middle`, size, query: middle, snapshot, tookMs: [] },
  ];
}

/**
 * A cursor as of a walk that has come half of the way, or less where the rest would not fill a
 * page. It names no task that is there, as after that task has moved on: the costlier case.
 */
async function middleCursor(one: Case, snapshot: Snapshot, redis: Redis): Promise<string> {
  const [set = ''] = planPage(one.filter, one.sight, KEYS).sets;
  const count = await redis.zcard(set);
  for (let share = 0.5; share > 0; share -= 0.05) {
    const rank = Math.floor(count * share);
    const [member, score] = await redis.zrevrange(set, rank, rank, 'WITHSCORES');
    const after = { score: Number(score), executionId: `${member}~` };
    const walkedFrom = { epoch: EPOCH, id: STREAM_START };
    const cursor = formatPageCursor({ walkedFrom, after }, one.filter);
    const page = await snapshot.page({ ...one, cursor });
    if (page.items.length === one.limit) return cursor;
  }
  throw new Error(`${one.name}: too few tasks for a page after the first one`);
}

function tableOf(all: readonly Series[]): string {
  const columns = sizes.flatMap((size) => [`${inThousands(size)} p50`, 'p99']);
  const head = ['page', ...columns, 'p50 ratio'];
  const names = [...new Set(all.map(({ name }) => name))];
  const rows = names.map((name) => {
    const mine = all.filter((one) => one.name === name);
    const times = mine.flatMap(({ tookMs }) => [quantile(tookMs, 0.5), quantile(tookMs, 0.99)]);
    return [name, ...times.map((ms) => `${ms.toFixed(2)} ms`), `× ${ratioOf(mine).toFixed(2)}`];
  });
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'));
  return [head, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function conclusionOf(all: readonly Series[]): string {
  const names = [...new Set(all.map(({ name }) => name))];
  const ratios = names.map((name) => ratioOf(all.filter((one) => one.name === name)));
  const growth = Math.max(...sizes) / Math.min(...sizes);
  return (
    `With ${inThousands(growth)} times as many tasks the median page takes ` +
    `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)} times as long.`
  );
}

/** The median of the largest size as a multiple of that of the smallest. */
function ratioOf(mine: readonly Series[]): number {
  const bySize = mine.toSorted((a, b) => a.size - b.size);
  return quantile(bySize.at(-1)?.tookMs ?? [], 0.5) / quantile(bySize.at(0)?.tookMs ?? [], 0.5);
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

async function usedBytes(redis: Redis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
}

function secondsSinceStart(): string {
  return `${((performance.now() - begunAt) / 1000).toFixed(1)} s`;
}

function inThousands(count: number): string {
  return count.toLocaleString('en');
}
