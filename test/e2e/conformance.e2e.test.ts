import { setImmediate as nextTurn } from 'node:timers/promises';
import { type StreamId, TASK_STATUSES } from '@tasktrail/contract';
import { TaskProducer } from '@tasktrail/producer';
import { expect, test } from 'vitest';
import { loadConfig } from '../../config/config.ts';
import { createApp } from '../../src/app.ts';
import { differencesBetween, foldAllEvents } from '../../src/demo/expected-tasks.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { createLogger } from '../../src/runtime/logging.ts';
import { eventually, whenProjected } from '../fixtures/facts.ts';
import { useGoogle } from '../fixtures/google.ts';
import { startLosingProxy } from '../fixtures/losing-proxy.ts';
import { dashboardEnvironment } from '../fixtures/program.ts';
import { useRedis } from '../fixtures/redis.ts';
import { asUserOfCommand } from '../fixtures/redis-users.ts';
import { StreamViewer, type ViewerOptions } from '../fixtures/viewer.ts';
import { tasksFor } from '../fixtures/viewer-sight.ts';
import { between, PROJECTS, pick, randomEvents, seededRandom } from './workload.ts';

/** TEST_SEED=123 runs that one again. */
const CHOSEN_SEED = process.env.TEST_SEED;
const FIRST_SEED = Math.floor(Math.random() * 1_000_000);
const SEEDS =
  CHOSEN_SEED === undefined
    ? Array.from({ length: 12 }, (_, index) => FIRST_SEED + index)
    : [Number(CHOSEN_SEED)];

const EVENTS = 400;
const EXECUTIONS = 40;
const LATENCY_MS = 20;

const redis = useRedis();
const google = useGoogle();

/**
 * Invariants 3, 4 and 5: whatever pages, frames, cuts and refreshes a viewer sees, it ends with the
 * fold of the events as far as it may see them, and nothing out of order or of others on the way.
 */
test.for(SEEDS)('pages and stream converge to the fold, seed %i', async (seed) => {
  const random = seededRandom(seed);
  const isEnforced = random() < 0.6;
  // Who resumes within a window that holds everything is never told to load the snapshot again.
  const isWindowWide = random() < 0.5;
  await using servers = await startServers(
    between(random, 1, 2),
    {
      TASK_DASHBOARD_ENFORCE_VISIBILITY: String(isEnforced),
      TASK_DASHBOARD_ADMINS: 'google:root@example.com',
      TASK_DASHBOARD_REPLAY_LIMIT: isWindowWide ? '10000' : String(between(random, 1, 60)),
      TASK_TRACKING_BATCH_SIZE: String(pick(random, [1, 7, 500])),
    },
    pick(random, [150, 3_600_000]),
  );
  await using producer = new TaskProducer({ redis: redis.urlOf('producer') });
  const events = randomEvents(random, EVENTS, EXECUTIONS, google.clockMs);
  await Promise.all(events.splice(0, 60).map((event) => producer.append(event)));
  await whenProjected(redis.connect(), await lastEventId());

  const wishes = viewersOf(random, isEnforced);
  await using viewers = new AsyncDisposableStack();
  const following = wishes.map((wish) =>
    viewers.use(new StreamViewer({ url: () => pick(random, servers.urls), ...wish })).start(),
  );
  await appendInBursts(producer, events, random);
  const expected = await foldAllEvents(redis.connect(), KEYS);
  const last = await lastEventId();
  for (const [index, viewer] of following.entries()) {
    await viewer.whenAt(last);
    const differences = differencesBetween(tasksFor(wishes[index]!, expected.tasks), viewer.tasks);
    expect(differences, `viewer ${index} of seed ${seed}`).toEqual([]);
    if (isWindowWide) expect(viewer.refreshes, `viewer ${index} of seed ${seed}`).toEqual([]);
  }
});

/** One of each kind: with and without filters, seeing everything and only their own. */
function viewersOf(random: () => number, isEnforced: boolean): Omit<ViewerOptions, 'url'>[] {
  const sign = (email: string) => google.standIn.sign({ email });
  const project = pick(random, [...PROJECTS]);
  const statuses = TASK_STATUSES.filter(() => random() < 0.5);
  const admin = { token: sign('root@example.com') };
  const own = (email: string) => ({
    token: sign(email),
    ...(isEnforced ? { principals: [`google:${email}`] } : {}),
  });
  const wishes = [
    admin,
    { ...admin, project },
    { ...admin, statuses },
    { ...admin, project, statuses },
    own('ana@example.com'),
    { ...own('bob@example.com'), project, statuses },
  ];
  return wishes.map((wish) => ({
    ...wish,
    limit: () => between(random, 1, 6),
    cutAfter: () => between(random, 200, 20_000),
    resumeBy: pick(random, ['header', 'query']),
    afterRefresh: pick(random, ['reconnect', 'stay']),
  }));
}

async function appendInBursts(
  producer: TaskProducer,
  events: Parameters<TaskProducer['append']>[0][],
  random: () => number,
): Promise<void> {
  while (events.length > 0) {
    const burst = events.splice(0, between(random, 1, 12));
    await Promise.all(burst.map((event) => producer.append(event)));
    if (random() < 0.1) {
      await redis.connect().xadd(KEYS.events, '*', 'executionId', 'run-1', 'status', 'broken');
    }
    await nextTurn();
  }
}

async function lastEventId(): Promise<StreamId> {
  const [last] = await redis.connect().xrevrange(KEYS.events, '+', '-', 'COUNT', 1);
  return last?.[0] as StreamId;
}

/**
 * Replicas: pages and streams of one viewer come from any of them. The first one applies events; the
 * others reach Redis over a slow network, so that a viewer is often ahead of where it comes to.
 */
async function startServers(count: number, changes: Record<string, string>, maxLifetimeMs: number) {
  await using resources = new AsyncDisposableStack();
  const stop = new AbortController();
  const logger = createLogger({ level: 'silent', pretty: false });
  const urls: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const network =
      index === 0
        ? redis
        : resources.use(await startLosingProxy(redis.url, { delayMs: LATENCY_MS }));
    const command = index === 0 ? 'all' : 'serve';
    const environment = dashboardEnvironment(network, google, changes);
    const config = loadConfig(asUserOfCommand(command, environment), true);
    const serve = config.serve && {
      ...config.serve,
      // Shorter than an operator may set it, so that streams end while tasks move.
      stream: { ...config.serve.stream, maxLifetimeMs },
    };
    const applies = index === 0;
    const app = await createApp({ config: { ...config, serve }, applies, version: '0', logger });
    const running = app.run(stop.signal);
    resources.defer(async () => {
      stop.abort();
      await running;
    });
    await eventually(() => expect(app.isReady()).toBe(true));
    urls.push(app.url ?? '');
  }
  const owned = resources.move();
  return {
    urls: urls as [string, ...string[]],
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
