import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { hashApiKey, newApiKey } from '../../src/auth/api-key.ts';
import { useGoogle } from '../fixtures/google.ts';
import { dashboardEnvironment, type Program, usePrograms } from '../fixtures/program.ts';
import { useRedis } from '../fixtures/redis.ts';
import { freePort } from '../oracle/world/ports.ts';
import { Audience } from '../rigs/deploy/audience.ts';
import { FeedWatch } from '../rigs/deploy/feed-watch.ts';
import { isNginxHere, startNginx } from '../rigs/deploy/nginx.ts';
import { adminsOf, somePeople } from '../rigs/deploy/people.ts';
import { handOver, type Restart, type Restartable, restart } from '../rigs/deploy/restarts.ts';

/** What `npm run rig:deploy` measures with thousands, as facts with tens. */

const redis = useRedis();
const google = useGoogle();
const programs = usePrograms(google);

const STREAMS = 50;
const CHANGES_PER_SECOND = 10;
const FEED_MAX_LENGTH = 10_000;
const CLEAN = { code: 0, signal: null };

const behindNginx = isNginxHere() ? test : test.skip;

behindNginx(
  'viewers behind nginx miss nothing, and events wait for seconds at most, while every process is restarted (skipped where nginx is not installed)',
  async () => {
    const people = somePeople(5);
    const apiKey = newApiKey(randomBytes);
    const env = {
      ...dashboardEnvironment(redis, google),
      LOG_LEVEL: 'info',
      TASK_DASHBOARD_ENFORCE_VISIBILITY: 'true',
      TASK_DASHBOARD_ADMINS: adminsOf(people),
      TASK_DASHBOARD_TRUSTED_PROXIES: 'loopback',
      TASK_INTAKE_PRODUCERS: await producersFile(apiKey),
    };
    const ports = [await freePort(), await freePort()];
    const projectors = await Promise.all([1, 2].map((n) => startOne('projector', n, env)));
    const servers = await Promise.all(
      ports.map((port, n) => {
        return startOne('serve', n + 1, { ...env, TASK_DASHBOARD_PORT: String(port) });
      }),
    );
    await using nginx = await startNginx(ports.map((port) => `http://127.0.0.1:${port}`));
    await using feed = new FeedWatch(redis.connect());
    await using audience = await Audience.gather({
      ...{ url: nginx.url, redis: redis.connect(), streams: STREAMS, apiKey },
      changesPerSecond: CHANGES_PER_SECOND,
      people: people.map((person) => ({
        ...person,
        token: programs.signIn({ email: person.email }),
      })),
    });

    const [restarts] = await Promise.all([
      restartServers(servers),
      restartProjectors(projectors, feed),
    ]);
    await audience.whenLive();
    for (const [index, one] of restarts.entries()) {
      const untilMs = restarts[index + 1]?.signalledAtMs ?? Number.POSITIVE_INFINITY;
      const { viewers, findings } = audience.reconnectsAfter(one, untilMs);
      expect(findings).toEqual([]);
      expect(viewers).toBeGreaterThan(0);
    }
    expect(await audience.judge(FEED_MAX_LENGTH)).toEqual([]);
    expect(await nginx.logs()).not.toMatch(/authToken|eyJ/);
  },
  90_000,
);

async function restartServers(servers: readonly Restartable[]): Promise<Restart[]> {
  const [first, second] = servers as [Restartable, Restartable];
  return [
    await restart(first, 'SIGTERM'),
    await restart(second, 'SIGTERM'),
    await restart(first, 'SIGKILL'),
  ];
}

async function restartProjectors(projectors: readonly Restartable[], feed: FeedWatch) {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const { longestWaitMs, boundMs } = await handOver(projectors, signal, feed);
    expect(longestWaitMs).toBeLessThanOrEqual(boundMs);
  }
}

async function startOne(
  command: 'projector' | 'serve',
  number: number,
  env: Readonly<Record<string, string>>,
): Promise<Restartable> {
  const start = () => programs.start([command], env).whenReadyz(200);
  let program: Program = await start();
  return {
    name: `${command} ${number}`,
    restart: async (signal) => {
      if (signal === 'SIGTERM') expect(await program.terminate()).toEqual(CLEAN);
      else await program.kill();
      program = await start();
    },
    isApplying: async () => JSON.stringify(await program.readiness()).includes('"applying"'),
  };
}

async function producersFile(apiKey: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tasktrail-test-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const path = join(directory, 'producers.json');
  const keySha256 = hashApiKey(apiKey).toString('hex');
  const producers = [{ name: 'rig', keySha256, projects: ['acme/*'] }];
  await writeFile(path, JSON.stringify({ producers }));
  return path;
}
