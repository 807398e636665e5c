import { setInterval } from 'node:timers/promises';
import type { TaskStatus } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import type { Sight } from '../../src/auth/visibility.ts';
import { formatPageCursor } from '../../src/read-model/page-cursor.ts';
import { planPage } from '../../src/read-model/page-plan.ts';
import type { TaskFilter } from '../../src/read-model/read-model.ts';
import { KEYS } from '../../src/redis/keys.ts';
import type { BenchCase, Figures, Target } from '../harness/bench.ts';
import { processOf } from '../harness/processes.ts';
import { connected, filledRedis } from './filled-redis.ts';
import { startLoader } from './measured-load.ts';
import { startServing } from './serving.ts';
import { BUSY_PRINCIPAL, EPOCH, PERSON, PROJECTS, STREAM_AT_START } from './tasks.ts';

/** How long a page of 50 takes, by filter and number of executions, while events are applied. */

interface Filtered {
  readonly id: string;
  readonly title: string;
  readonly filter: TaskFilter;
  readonly isOwn?: boolean;
}

const LIMIT = 50;
const CONNECTIONS = 16;
const PER_SECOND = 250;
const SECONDS = 1;
const WARM_SECONDS = 0.7;
const EVENTS_PER_SECOND = 20;

const FILTERED: readonly Filtered[] = [
  { id: 'pages-all', title: 'All executions', filter: filterOf() },
  {
    id: 'pages-statuses',
    title: 'Three statuses',
    filter: filterOf(undefined, ['in_progress', 'error', 'cancelled']),
  },
  {
    id: 'pages-project',
    title: 'One project, two statuses',
    filter: filterOf(PROJECTS[3], ['success', 'error']),
  },
  {
    id: 'pages-own',
    title: 'Own executions with one status, enforcement on',
    filter: filterOf(undefined, ['error']),
    isOwn: true,
  },
];

/** @param sizes numbers of executions, smallest first */
export function pageCases(sizes: readonly number[], version: string): BenchCase[] {
  return FILTERED.map((one) => {
    const names = sizes.map((size) => `tasktrail, ${size.toLocaleString('en')} executions`);
    const targets = names.flatMap((contestant): Target[] => [
      { contestant, figure: 'first p50', atMost: 1 },
      { contestant, figure: 'first p99', atMost: 10 },
      { contestant, figure: 'middle p50', atMost: 1 },
      { contestant, figure: 'middle p99', atMost: 10 },
    ]);
    return {
      id: one.id,
      title: `${one.title}: a page of ${LIMIT}, ${PER_SECOND} a second, while ${EVENTS_PER_SECOND} events a second are applied`,
      figures: {
        'first p50': { unit: 'ms', better: 'less' },
        'first p99': { unit: 'ms', better: 'less' },
        'middle p50': { unit: 'ms', better: 'less' },
        'middle p99': { unit: 'ms', better: 'less' },
      },
      contestants: sizes.map((size, n) => ({
        name: names[n] ?? '',
        version,
        measure: () => measure(one, size),
      })),
      targets,
      isGuarded: one.id === 'pages-all',
    };
  });
}

async function measure({ filter, isOwn = false }: Filtered, size: number): Promise<Figures> {
  const redisUrl = await filledRedis(size);
  await using redis = await connected(redisUrl);
  await using serving = await startServing({ redisUrl, isEnforced: isOwn, applies: true });
  await using loader = await startLoader([await processOf(redis.client)]);
  const query = queryOf(filter);
  const first = [serving.request(`/dashboard/tasks?${query}`)];
  const cursors = await middleCursors(redis.client, filter, isOwn);
  const middle = cursors.map((cursor) =>
    serving.request(`/dashboard/tasks?${query}&cursor=${cursor}`),
  );

  const { port } = serving;
  const paced = { port, connections: CONNECTIONS, perSecond: PER_SECOND };
  await loader.load({ ...paced, requests: [...first, ...middle], seconds: WARM_SECONDS }, 200);
  const stop = new AbortController();
  const applying = applyEvents(redis.client, stop.signal);
  const ofFirst = await loader.load({ ...paced, requests: first, seconds: SECONDS }, 200);
  const ofMiddle = await loader.load({ ...paced, requests: middle, seconds: SECONDS }, 200);
  stop.abort();
  await applying;
  return {
    ...{ 'first p50': ofFirst.p50, 'first p99': ofFirst.p99 },
    ...{ 'middle p50': ofMiddle.p50, 'middle p99': ofMiddle.p99 },
  };
}

/** Appends events of some executions, in turn, until it is told to stop. */
async function applyEvents(redis: Redis, signal: AbortSignal): Promise<void> {
  let appended = 0;
  try {
    for await (const _ of setInterval(1000 / EVENTS_PER_SECOND, undefined, { signal })) {
      const occurredAt = new Date().toISOString();
      const fields = { executionId: `live-${appended % 10}`, project: PROJECTS[3] ?? '' };
      const event = { ...fields, status: 'error', occurredAt, attempt: String(++appended) };
      await redis.xadd(KEYS.events, '*', ...Object.entries(event).flat());
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/**
 * Cursors as of walks that have come some part of their way. They name executions that are not there,
 * as after these have moved on: the costlier case. No two of a turn are the same, where there are
 * enough executions, so that each page is read anew.
 */
async function middleCursors(redis: Redis, filter: TaskFilter, isOwn: boolean): Promise<string[]> {
  const sight: Sight = isOwn
    ? { kind: 'own', principals: new Set([BUSY_PRINCIPAL, PERSON]) }
    : { kind: 'everything' };
  const [set = ''] = planPage(filter, sight, KEYS).sets;
  const count = await redis.zcard(set);
  const wanted = Math.ceil(PER_SECOND * SECONDS);
  const cursors: string[] = [];
  for (let n = 0; n < wanted; n += 1) {
    const rank = Math.floor((n / wanted) * 0.6 * count);
    const [member, score] = await redis.zrevrange(set, rank, rank, 'WITHSCORES');
    const after = { score: Number(score), executionId: `${member}~` };
    const walkedFrom = { epoch: EPOCH, id: STREAM_AT_START };
    cursors.push(formatPageCursor({ walkedFrom, after }, filter));
  }
  return cursors;
}

function filterOf(project?: string, statuses: readonly TaskStatus[] = []): TaskFilter {
  return { project, statuses };
}

function queryOf({ project, statuses }: TaskFilter): URLSearchParams {
  const query = new URLSearchParams({ limit: String(LIMIT) });
  if (project !== undefined) query.set('project', project);
  if (statuses.length > 0) query.set('statuses', statuses.join(','));
  return query;
}
