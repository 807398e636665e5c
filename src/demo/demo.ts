import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  compareStreamIds,
  laterStreamId,
  parsePosition,
  STREAM_START,
  type StreamId,
} from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { loadConfig } from '../../config/config.ts';
import { type App, createApp } from '../app.ts';
import { newProducer } from '../auth/producers.ts';
import { connectForCommands } from '../redis/connections.ts';
import { KEYS } from '../redis/keys.ts';
import { sleep } from '../runtime/retry.ts';
import { DashboardClient } from './dashboard-client.ts';
import { changeLine, greeting, summary, verdict } from './demo-lines.ts';
import { differencesBetween, foldAllEvents, readEnd } from './expected-tasks.ts';
import { ForgeStandIn } from './forge-stand-in.ts';
import { startGoogleStandIn } from './google-stand-in.ts';
import { replayLive } from './live-replay.ts';
import { startPrivateRedis } from './private-redis.ts';
import { loadRecordedWebhooks, type RecordedWebhook } from './recorded-webhooks.ts';
import { redisOnPath } from './redis-program.ts';

/**
 * The demo: the whole of Tasktrail on this machine, with payloads that GitHub really sent as its
 * input and its own dashboard client as the judge.
 */
export interface DemoOptions {
  /** Undefined: until the signal aborts. */
  readonly durationMs: number | undefined;
  /** 0 takes a free one. */
  readonly port: number;
  /** An empty Redis to use instead of a private one. */
  readonly redisUrl: string | undefined;
  /** Where a Redis program is looked for, as the shell spells it. */
  readonly searchPath: string | undefined;
  readonly version: string;
  /** How this program is called, for the lines to try. */
  readonly program: string;
  readonly logger: Logger;
  readonly print: (line: string) => void;
}

/** The demo cannot run as asked. The message says the remedy. */
class DemoError extends Error {
  override readonly name = 'DemoError';
}

/** Fast enough for a demo, slow enough for a client to see it. */
const HEARTBEAT_MS = 1000;
/** How long the client may take to get to the end once no more events come. */
const CATCH_UP_MS = 10_000;
const POLL_MS = 20;

/** @returns whether what the client assembled equals the fold of the events */
export async function runDemo(options: DemoOptions, signal: AbortSignal): Promise<boolean> {
  const { print } = options;
  await using resources = new AsyncDisposableStack();
  const redisUrl = await openRedis(options, resources);
  const google = resources.use(await startGoogleStandIn({ now: Date.now }));
  const recorded = await loadRecordedWebhooks();
  const files = await openFiles(resources);
  const secret = randomBytes(32).toString('hex');
  const app = await startApp(options, {
    TASK_TRACKING_REDIS_URL: redisUrl,
    TASK_DASHBOARD_GOOGLE_CLIENT_IDS: google.clientId,
    TASK_DASHBOARD_GOOGLE_CERTS_URL: google.certsUrl,
    TASK_INTAKE_GITHUB_SECRETS: secret,
    TASK_INTAKE_PRODUCERS: files.producers,
  });
  const url = app.url ?? '';
  const stop = new AbortController();
  const running = app.run(stop.signal);
  resources.defer(async () => {
    stop.abort();
    await running;
  });
  await until(() => app.isReady(), signal, running);

  const forge = new ForgeStandIn(url, secret);
  for (const webhook of recorded) await forge.deliver(webhook);
  const signIn = () => google.sign({ email: 'ana@example.com' });
  const token = signIn();
  await writeHeader(files.viewerHeader, token);
  const { program } = options;
  const { adminUrl } = app;
  for (const line of greeting({ program, url, adminUrl, redisUrl, token, ...files })) print(line);

  const client = new DashboardClient(url, signIn, (task, previousStatus) => {
    print(changeLine(task, previousStatus));
  });
  const watching = client.run(stop.signal);
  const failed = new AbortController();
  for (const work of [running, watching]) work.catch(() => failed.abort());
  const time = options.durationMs === undefined ? [] : [AbortSignal.timeout(options.durationMs)];
  await deliverLive(forge, recorded, AbortSignal.any([signal, failed.signal, ...time]));

  const end = await withRedis(redisUrl, (redis) => readEnd(redis, KEYS));
  const isThere = () => compareStreamIds(placeOf(client), end) >= 0;
  await until(isThere, AbortSignal.timeout(CATCH_UP_MS), watching);
  // Whoever tries the demo may go on appending: the events count up to where the client is.
  const seen = new Map(client.tasks);
  const upTo = laterStreamId(end, placeOf(client));
  const expected = await withRedis(redisUrl, (redis) => foldAllEvents(redis, KEYS, upTo));
  for (const line of summary(expected, client.changes, client.refreshes)) print(line);
  const differences = differencesBetween(expected.tasks, seen);
  for (const line of verdict(differences)) print(line);
  return differences.length === 0;
}

/** The configured Redis, if it holds nothing of Tasktrail yet; else one of the demo's own. */
async function openRedis(
  { redisUrl, searchPath }: DemoOptions,
  resources: AsyncDisposableStack,
): Promise<string> {
  if (redisUrl === undefined) {
    // On the disk although nobody needs it: the demo's Redis is set up as every other should be.
    const options = { finder: redisOnPath(searchPath), appendOnly: true };
    return resources.use(await startPrivateRedis(options)).url;
  }
  const held = await withRedis(redisUrl, (redis) => redis.exists(KEYS.events, KEYS.projector));
  if (held > 0) {
    throw new DemoError(
      'the Redis of TASK_TRACKING_REDIS_URL already holds task events, and the demo would mix ' +
        'its own into them: unset the variable, or name an empty database',
    );
  }
  return redisUrl;
}

async function withRedis<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = connectForCommands({ url, name: 'demo', onError: () => undefined });
  try {
    await redis.connect();
    return await use(redis);
  } catch (cause) {
    throw new DemoError('Redis cannot be used: start it, or correct TASK_TRACKING_REDIS_URL', {
      cause,
    });
  } finally {
    redis.disconnect();
  }
}

async function startApp(
  { port, version, logger }: DemoOptions,
  env: Readonly<Record<string, string>>,
): Promise<App> {
  const config = loadConfig(
    {
      ...env,
      TASK_TRACKING_ADMIN_HOST: '127.0.0.1',
      TASK_TRACKING_ADMIN_PORT: '0',
      TASK_DASHBOARD_HOST: '127.0.0.1',
      TASK_DASHBOARD_PORT: String(port),
      TASK_DASHBOARD_ALLOWED_DOMAINS: 'example.com',
      TASK_DASHBOARD_CORS_ORIGINS: '*',
      TASK_DASHBOARD_HEARTBEAT_MS: String(HEARTBEAT_MS),
      TASK_PROJECTS_CONFIG: fileURLToPath(new URL('../../config/projects.json', import.meta.url)),
    },
    true,
  );
  return createApp({ config, applies: true, version, logger });
}

interface DemoFiles {
  /** For `curl -H @file`: a token in a command line is seen by everyone on the machine. */
  readonly viewerHeader: string;
  readonly producerHeader: string;
  readonly producers: string;
}

/** A directory that is removed at the end, with a producer who may write to every project. */
async function openFiles(resources: AsyncDisposableStack): Promise<DemoFiles> {
  const directory = await mkdtemp(join(tmpdir(), 'tasktrail-demo-'));
  resources.defer(() => rm(directory, { recursive: true, force: true }));
  const files = {
    viewerHeader: join(directory, 'viewer'),
    producerHeader: join(directory, 'producer'),
    producers: join(directory, 'producers.json'),
  };
  const { key, entry } = newProducer('demo', ['**'], randomBytes);
  await writeFile(files.producers, JSON.stringify({ producers: [entry] }));
  await writeHeader(files.producerHeader, key);
  return files;
}

async function writeHeader(file: string, token: string): Promise<void> {
  await writeFile(file, `Authorization: Bearer ${token}\n`, { mode: 0o600 });
}

/** Live runs until the signal aborts. */
async function deliverLive(
  forge: ForgeStandIn,
  recorded: readonly RecordedWebhook[],
  signal: AbortSignal,
): Promise<void> {
  for (const step of replayLive(recorded, { nowMs: Date.now, random: Math.random })) {
    await sleep(step.afterMs, signal);
    if (signal.aborted) break;
    await forge.deliver(step);
  }
}

/** The last event that the client knows to have. */
function placeOf({ position = '' }: DashboardClient): StreamId {
  return parsePosition(position)?.id ?? STREAM_START;
}

/** Waits for a fact; gives up when the signal aborts, and fails when `work` does. */
async function until(
  fact: () => boolean,
  signal: AbortSignal,
  work: Promise<unknown>,
): Promise<void> {
  const failed = work.then(() => undefined);
  while (!fact() && !signal.aborted) await Promise.race([sleep(POLL_MS, signal), failed]);
}
