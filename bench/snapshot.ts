import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { STREAM_START } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { principalOf } from '@tasktrail/contract';
import type { Sight } from '../src/auth/visibility.ts';
import { startPrivateRedis } from '../src/demo/private-redis.ts';
import { redisOnPath } from '../src/demo/redis-program.ts';
import { formatPageCursor, type PagePlace } from '../src/read-model/page-cursor.ts';
import { planPage } from '../src/read-model/page-plan.ts';
import type { PageQuery, TaskFilter } from '../src/read-model/read-model.ts';
import { Snapshot } from '../src/read-model/snapshot.ts';
import { connectForCommands } from '../src/redis/connections.ts';
import { KEYS } from '../src/redis/keys.ts';
import { BUSY, fill, IMPORT_PROJECT, PROJECTS } from './snapshot-tasks.ts';

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

/** Small enough that at 1,000 tasks, too, the middle page of each query is full. */
const LIMIT = 20;
const EVERYTHING: Sight = { kind: 'everything' };
const OWN: Sight = {
  kind: 'own',
  principals: new Set([principalOf(BUSY), 'google:person-7@example.com']),
};
const project = PROJECTS[3];
const CASES: readonly Case[] = [
  { name: 'all tasks', filter: filterOf(), sight: EVERYTHING, limit: LIMIT },
  { name: 'all tasks, 200 a page', filter: filterOf(), sight: EVERYTHING, limit: 200 },
  { name: 'one status', filter: filterOf(undefined, 'error'), sight: EVERYTHING, limit: LIMIT },
  {
    name: 'three statuses',
    filter: filterOf(undefined, 'in_progress', 'error', 'cancelled'),
    sight: EVERYTHING,
    limit: LIMIT,
  },
  { name: 'one project', filter: filterOf(project), sight: EVERYTHING, limit: LIMIT },
  {
    name: 'one project, two statuses',
    filter: filterOf(project, 'success', 'error'),
    sight: EVERYTHING,
    limit: LIMIT,
  },
  {
    name: 'one project, all of one millisecond',
    filter: filterOf(IMPORT_PROJECT),
    sight: EVERYTHING,
    limit: LIMIT,
  },
  { name: 'own tasks', filter: filterOf(), sight: OWN, limit: LIMIT },
  { name: 'own tasks, one status', filter: filterOf(undefined, 'error'), sight: OWN, limit: LIMIT },
];

/** One query at one size, first or from the middle, and how long it took each time. */
interface Series {
  readonly case: Case;
  readonly size: number;
  readonly depth: 'first' | 'middle';
  readonly query: PageQuery;
  readonly snapshot: Snapshot;
  readonly tookMs: number[];
}

await using server = await startPrivateRedis({ finder: redisOnPath(process.env.PATH) });
const clients: Redis[] = [];
const series: Series[] = [];
for (const [db, size] of sizes.entries()) {
  const onError = (error: Error) => console.error(error);
  const redis = connectForCommands({ url: `${server.url}/${db}`, name: 'bench', onError });
  clients.push(redis);
  await redis.connect();
  const bytesBefore = await usedBytes(redis);
  const startedAt = performance.now();
  await fill(redis, KEYS, size);
  const seconds = (performance.now() - startedAt) / 1000;
  const bytes = ((await usedBytes(redis)) - bytesBefore) / size;
  log(`${thousands(size)} tasks written in ${seconds.toFixed(1)} s, ${Math.round(bytes)} B each`);
  series.push(...(await prepare(new Snapshot(redis, KEYS), redis, size)));
}

const startedAt = performance.now();
for (let round = -20; round < samples; round += 1) {
  for (const { snapshot, query, tookMs } of series) {
    const before = performance.now();
    await snapshot.page(query);
    // The first rounds warm up both programs.
    if (round >= 0) tookMs.push(performance.now() - before);
  }
}
log(`${samples} samples of each measured in ${seconds(startedAt)} s`);
for (const client of clients) client.disconnect();

const report = [...tableOf(series), '', conclusionOf(series), ''].join('\n');
console.log(report);
if (options.out !== undefined) await writeFile(options.out, report);
