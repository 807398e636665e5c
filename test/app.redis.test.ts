import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '../config/config.ts';
import { type App, createApp } from '../src/app.ts';
import { KEYS } from '../src/redis/keys.ts';
import { createLogger } from '../src/runtime/logging.ts';
import { eventually } from './fixtures/facts.ts';
import { useGoogle } from './fixtures/google.ts';
import { dashboardEnvironment } from './fixtures/program.ts';
import { useRedis } from './fixtures/redis.ts';

const redis = useRedis();
const google = useGoogle();

interface Start {
  readonly applies?: boolean;
  readonly serves?: boolean;
  readonly changes?: Record<string, string>;
}

test('all of it is ready, serves on both ports, and closes everything that it opened', async () => {
  const before = listening();
  const { app, lines, stop } = await start();
  await eventually(() => expect(app.isReady()).toBe(true));
  expect(await statuses(app)).toEqual({ main: 200, admin: 200 });
  // One that was opened just now may not have said its name yet.
  await eventually(async () => {
    const names = (await redis.foreignConnections()).map(({ name }) => name);
    expect(names.toSorted()).toEqual([
      'tasktrail:commands',
      'tasktrail:doorbell',
      'tasktrail:events',
    ]);
  });
  await stop();
  await eventually(async () => expect(await redis.foreignConnections()).toEqual([]));
  await eventually(() => expect(listening()).toBe(before));
  expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
});

test('a projector alone serves nobody, and a server alone applies nothing', async () => {
  const projector = await start({ serves: false });
  const server = await start({ applies: false });
  expect(projector.app.url).toBeUndefined();
  await eventually(() => expect(projector.app.isReady() && server.app.isReady()).toBe(true));
  const [checksOfProjector, checksOfServer] = await Promise.all(
    [projector, server].map(async ({ app }) => {
      const body = await (await fetch(`${app.adminUrl}/readyz`)).json();
      return Object.keys((body as { checks: object }).checks).toSorted();
    }),
  );
  expect(checksOfProjector).toEqual(['projector', 'redis', 'requirements']);
  expect(checksOfServer).not.toContain('projector');
});

test('without an admin port there is none', async () => {
  const { app } = await start({ changes: { TASK_TRACKING_ADMIN_PORT: '' } });
  expect(app.adminUrl).toBeUndefined();
  await eventually(() => expect(app.isReady()).toBe(true));
});

describe('a start that fails', () => {
  test('closes what it had opened already', async () => {
    const before = listening();
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    // The admin port comes last, so that everything else is open by then.
    const failing = start({ changes: { TASK_TRACKING_ADMIN_PORT: String(port) } });
    await expect(failing).rejects.toThrow(/set TASK_TRACKING_ADMIN_PORT to a free port/);
    taken.close();
    await eventually(async () => expect(await redis.foreignConnections()).toEqual([]));
    await eventually(() => expect(listening()).toBe(before));
  });

  test('names the identities file', async () => {
    const failing = start({ changes: { TASK_DASHBOARD_IDENTITIES: '/nowhere/identities.json' } });
    await expect(failing).rejects.toThrow('/nowhere/identities.json');
  });
});

test('a part that fails for good ends the app with its reason, and everything is closed', async () => {
  const { app, ended } = await start();
  await eventually(() => expect(app.isReady()).toBe(true));
  // As a newer version of the program would leave it.
  await redis.connect().hset(KEYS.projector, 'layout', '99');
  await expect(ended).rejects.toThrow(/layout 99/);
  await eventually(async () => expect(await redis.foreignConnections()).toEqual([]));
  await expect(fetch(`${app.url}/healthz`)).rejects.toThrow();
});

test('who may sign in with any Google account is said loudly at start', async () => {
  const open = await start({ changes: { TASK_DASHBOARD_ALLOWED_DOMAINS: '' } });
  const closed = await start();
  const warnings = (lines: readonly Line[]) =>
    lines.filter(({ level, msg }) => level === 'warn' && msg.includes('Google account'));
  expect(warnings(open.lines)).toHaveLength(1);
  expect(warnings(closed.lines)).toHaveLength(0);
});

interface Line {
  readonly level: string;
  readonly msg: string;
}

/** An app that runs until the test ends, or is stopped. */
async function start({ applies = true, serves = true, changes = {} }: Start = {}) {
  const lines: Line[] = [];
  const destination = { write: (line: string) => lines.push(JSON.parse(line)) };
  const logger = createLogger({ level: 'trace', pretty: false, destination });
  const config = loadConfig(dashboardEnvironment(redis, google, changes), serves);
  const app = await createApp({ config, applies, version: '1.2.3', logger });
  const signal = new AbortController();
  const ended = app.run(signal.signal);
  const stop = async () => {
    signal.abort();
    await ended;
  };
  onTestFinished(() => stop().catch(() => {}));
  return { app, lines, ended, stop };
}

async function statuses({ url, adminUrl }: App) {
  const [main, admin] = await Promise.all(
    [url, adminUrl].map(async (base) => (await fetch(`${base}/readyz`)).status),
  );
  return { main, admin };
}

/** How many servers of this process listen. */
function listening(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'TCPServerWrap').length;
}
