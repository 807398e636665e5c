import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { hashApiKey, newApiKey } from '../../../src/auth/api-key.ts';
import { watchMemory } from '../../oracle/world/memory.ts';
import type { Runner } from '../../oracle/world/runner.ts';
import { startSetting } from '../setting.ts';
import { Audience } from './audience.ts';
import { FeedWatch } from './feed-watch.ts';
import { isNginxHere, startNginx } from './nginx.ts';
import { adminsOf, somePeople } from './people.ts';
import type { EndSignal } from './reconnects.ts';
import { describeHandover, describeRestart } from './report.ts';
import { handOver, type Restart, type Restartable, restart } from './restarts.ts';

/**
 * A deployment as docs/deployment.md describes it: two servers behind nginx with the configuration
 * that is shipped, two projectors, and each of them restarted in turn while tasks change.
 */
const { values } = parseArgs({
  options: {
    streams: { type: 'string', default: '2000' },
    rate: { type: 'string', default: '10' },
  },
});
const [streams, rate] = [Number(values.streams), Number(values.rate)];
if (![streams, rate].every((value) => Number.isSafeInteger(value) && value > 0)) {
  console.error('usage: rig-deploy.ts [--streams 2000] [--rate 10]');
  process.exit(2);
}
if (!isNginxHere()) {
  console.error('nginx is not here: apt-get install nginx-light, or put it on the path');
  process.exit(2);
}

/** Streams of one person: below the limit of a viewer. */
const STREAMS_A_PERSON = 40;
/** Seconds that a resume may be behind: a heartbeat of 15 s, a retry of 4 s, and some. */
const WINDOW_SECONDS = 25;
const FEED_MAX_LENGTH = 1_000_000;
const POLL_MS = 50;
const MIB = 1024 * 1024;
/** So that each restart begins with everybody at work. */
const CALM_MS = 1000;

const people = somePeople(Math.max(5, Math.ceil(streams / STREAMS_A_PERSON)));
const apiKey = newApiKey(randomBytes);
await using resources = new AsyncDisposableStack();
const directory = await mkdtemp(join(tmpdir(), 'tasktrail-rig-'));
resources.defer(() => rm(directory, { recursive: true }));
const producers = join(directory, 'producers.json');
const keySha256 = hashApiKey(apiKey).toString('hex');
const producer = { name: 'rig', keySha256, projects: ['acme/*'] };
await writeFile(producers, JSON.stringify({ producers: [producer] }));
const setting = resources.use(
  await startSetting({
    TASK_DASHBOARD_ENFORCE_VISIBILITY: 'true',
    TASK_DASHBOARD_ADMINS: adminsOf(people),
    TASK_DASHBOARD_TRUSTED_PROXIES: 'loopback',
    TASK_DASHBOARD_REPLAY_LIMIT: String(Math.max(200, rate * WINDOW_SECONDS)),
    TASK_INTAKE_PRODUCERS: producers,
    TASK_TRACKING_FEED_MAX_LENGTH: String(FEED_MAX_LENGTH),
  }),
);
const projectors = (await startTwo('projector', 'projector')).map(({ process }) => process);
const servers = await startTwo('server', 'serve');
resources.use(watchMemory(servers.map(({ runner }) => runner)));
const nginx = resources.use(await startNginx(servers.map(({ runner }) => runner.url)));
const feedConnection = setting.redis.duplicate();
resources.defer(() => feedConnection.disconnect());
await new Promise((resolve) => feedConnection.once('ready', resolve));
const feed = resources.use(new FeedWatch(feedConnection));

const tokens = setting.signIn(people.length);
const gathered = await Audience.gather({
  ...{ url: nginx.url, redis: setting.redis, streams, changesPerSecond: rate, apiKey },
  people: people.map((person, n) => ({ ...person, token: tokens[n] ?? '' })),
});
const audience = resources.use(gathered);
console.log(`${streams} streams of ${people.length} people are live, ${rate} changes a second`);
const findings: string[] = [];
for (const signal of ['SIGTERM', 'SIGKILL'] as const) await roll(signal);
for (const signal of ['SIGTERM', 'SIGTERM', 'SIGKILL', 'SIGKILL'] as const) {
  const handover = await handOver(projectors, signal, feed);
  const { longestWaitMs, boundMs } = handover;
  if (longestWaitMs > boundMs) findings.push(`an event waited ${longestWaitMs} ms`);
  console.log(describeHandover(handover));
}
findings.push(...(await audience.judge(FEED_MAX_LENGTH)));
if (/authToken|eyJ/.test(await nginx.logs())) findings.push('a token is in the logs of nginx');
report();

/** One server after the other, and everybody is back before the figures are taken. */
async function roll(signal: EndSignal): Promise<void> {
  await delay(CALM_MS);
  const restarts: Restart[] = [];
  for (const server of servers) restarts.push(await restart(server.process, signal));
  await audience.whenLive();
  for (const [index, one] of restarts.entries()) {
    const untilMs = restarts[index + 1]?.signalledAtMs ?? Number.POSITIVE_INFINITY;
    const reconnects = audience.reconnectsAfter(one, untilMs);
    findings.push(...reconnects.findings.map((finding) => `${one.name}, ${signal}: ${finding}`));
    console.log(describeRestart(one, reconnects));
  }
}

async function startTwo(name: string, command: Runner['command']) {
  const runners = await Promise.all([1, 2].map((n) => setting.start(`${name} ${n}`, command)));
  await Promise.all(runners.map(whenReady));
  return runners.map((runner) => ({ runner, process: restartable(runner) }));
}

function restartable(runner: Runner): Restartable {
  return {
    name: runner.name,
    restart: async (signal) => {
      await (signal === 'SIGTERM' ? runner.stop() : runner.kill());
      const { exit } = runner.life ?? {};
      if (signal === 'SIGTERM' && exit?.code !== 0) {
        findings.push(`${runner.name} ended with ${JSON.stringify(exit)}`);
      }
      await runner.start();
      await whenReady(runner);
    },
    isApplying: async () => {
      const response = await fetch(`${runner.adminUrl}/readyz`);
      return (await response.text()).includes('"role":"applying"');
    },
  };
}

async function whenReady(runner: Runner): Promise<void> {
  while ((await runner.probe('readyz')) !== 200) await delay(POLL_MS);
}

function report(): void {
  const { tasks, pages, viewers } = audience;
  const frames = viewers.reduce((sum, viewer) => sum + viewer.frames.length, 0);
  const rssBytes = Math.max(...servers.map(({ runner }) => runner.maxRssBytes));
  console.log(
    `${tasks.sent.length} events, ${tasks.posts} of them posted, of which ${tasks.retries} ` +
      `had to be sent again; ${pages.loaded} pages, the slowest after ` +
      `${pages.longestMs.toFixed(0)} ms; ${frames} frames, each judged; a server took ` +
      `${(rssBytes / MIB).toFixed(0)} MiB at most\n` +
      (findings.length === 0 ? 'all as promised' : `NOT as promised:\n${findings.join('\n')}`),
  );
  process.exitCode = findings.length === 0 ? 0 : 1;
}
