import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { TaskPageSchema } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import {
  type Authenticator,
  ForbiddenError,
  UnauthorizedError,
  type Viewer,
} from '../../src/auth/auth.ts';
import { PageCache } from '../../src/read-model/page-cache.ts';
import { Snapshot } from '../../src/read-model/snapshot.ts';
import { createEpoch, replaceEpoch } from '../../src/redis/epoch.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { loadScript, runScript } from '../../src/redis/script.ts';
import { anEntry } from '../fixtures/events.ts';
import { useRedis } from '../fixtures/redis.ts';
import { appendEntries, applyBatch } from '../projector/batches.ts';
import { aTask, storeTasks } from '../read-model/stored-tasks.ts';
import { ownSight } from '../read-model/walking.ts';
import { repair } from '../repair/repairing.ts';
import { ana, type RunningDashboard, runDashboard } from './running-dashboard.ts';

const LISTED = 'https://dashboard.example.com';
const PATH = '/dashboard/tasks';
const server = useRedis();
let redis: Redis;
let dashboard: RunningDashboard;
let entries = 0;
let sights: Record<string, Viewer['sight']>;

/** A token is the name of a viewer. */
const authenticator: Authenticator = {
  async authenticate(token) {
    const sight = sights[token];
    if (token === 'eve') throw new ForbiddenError('google:eve@example.org');
    if (sight === undefined) throw new UnauthorizedError('expired');
    return { ...ana, identity: `google:${token}@example.com`, sight };
  },
};

beforeEach(async () => {
  redis = server.connect();
  entries = 0;
  sights = {
    valid: { kind: 'everything' },
    ben: ownSight('slack:U2'),
    cleo: ownSight('slack:U3'),
  };
  await redis.hset(KEYS.projector, 'epoch', 'e1');
  await commit('run-1');
  const readModel = new Snapshot(redis, KEYS);
  dashboard = await runDashboard({
    http: { corsOrigins: [LISTED], trustedProxies: [] },
    authenticator,
    readModel,
    pages: new PageCache(readModel, { programVersion: '1.2.3' }),
  });
  onTestFinished(() => dashboard[Symbol.asyncDispose]());
});

/** Appends an event and applies it, as a projector does. */
async function commit(executionId: string): Promise<void> {
  const actor = '{"provider":"slack","id":"U2"}';
  const appended = await appendEntries(redis, [anEntry({ executionId, actor })], entries);
  entries += 1;
  expect(await applyBatch(redis, appended)).toBe(true);
}

function ask(known?: string, { path = PATH, viewer = 'valid', ...init }: Asking = {}) {
  const headers = { Authorization: `Bearer ${viewer}`, Origin: LISTED };
  const condition = known === undefined ? {} : { 'If-None-Match': known };
  return dashboard.get(path, { ...init, headers: { ...headers, ...condition } });
}

type Asking = RequestInit & { readonly path?: string; readonly viewer?: string };

async function etagOf(asking: Asking = {}): Promise<string> {
  const response = await ask(undefined, asking);
  expect(response.status).toBe(200);
  await response.body?.cancel();
  return response.headers.get('etag') ?? '';
}

describe('the page that a client has', () => {
  test('is named by a strong ETag, for the client alone to keep', async () => {
    const response = await ask();
    expect(response.headers.get('etag')).toMatch(/^"[\w-]{43}"$/);
    expect(response.headers.get('cache-control')).toBe('private, no-cache');
    expect(response.headers.get('access-control-expose-headers')).toContain('ETag');
    expect(response.headers.get('content-type')).toContain('application/json');
    expect(TaskPageSchema.parse(await response.json()).items).toHaveLength(1);
  });

  test('is kept under no URL that holds the token, and known there all the same', async () => {
    const path = `${PATH}?authToken=valid`;
    const whole = await dashboard.get(path, { headers: {} });
    expect(whole.headers.get('cache-control')).toBe('no-store');
    const tag = whole.headers.get('etag') ?? '';
    const known = await dashboard.get(path, { headers: { 'If-None-Match': tag } });
    expect([known.status, known.headers.get('cache-control')]).toEqual([304, 'no-store']);
  });

  test.each([
    ['its tag', (tag: string) => tag],
    ['its tag made weak', (tag: string) => `W/${tag}`],
    ['one of several', (tag: string) => `"other", W/"x,y" ,${tag}`],
    ['whatever there is', () => '*'],
  ])('is 304 without a body by %s', async (_, conditionOf) => {
    const tag = await etagOf();
    for (const method of ['GET', 'HEAD']) {
      const response = await ask(conditionOf(tag), { method });
      expect(response.status).toBe(304);
      expect(await response.text()).toBe('');
      expect(response.headers.get('etag')).toBe(tag);
      expect(response.headers.get('cache-control')).toBe('private, no-cache');
      expect(response.headers.get('vary')).toBe('Origin');
      expect(response.headers.get('access-control-allow-origin')).toBe(LISTED);
      expect(response.headers.get('content-type')).toBeNull();
    }
  });

  test.each(['"other"', 'x', '', '"', 'W/*'])('is answered whole for %j', async (condition) => {
    await etagOf();
    expect((await ask(condition)).status).toBe(200);
  });

  test('is of its query: limit, filters and cursor', async () => {
    await commit('run-2');
    const paths = [PATH, `${PATH}?limit=1`, `${PATH}?statuses=queued`, `${PATH}?project=a/b`];
    const first = await (await ask(undefined, { path: `${PATH}?limit=1` })).json();
    paths.push(`${PATH}?limit=1&cursor=${TaskPageSchema.parse(first).nextCursor}`);
    const tags = await Promise.all(paths.map((path) => etagOf({ path })));
    expect(new Set(tags).size).toBe(paths.length);
    for (const [n, path] of paths.entries())
      expect((await ask(tags[n], { path })).status).toBe(304);
  });
});

describe('another page is answered', () => {
  test('once a task changed', async () => {
    const tag = await etagOf();
    await commit('run-2');
    const response = await ask(tag);
    expect(response.status).toBe(200);
    expect(TaskPageSchema.parse(await response.json()).items).toHaveLength(2);
  });

  test('once a repair wrote behind the checkpoint, before its new epoch', async () => {
    await redis.hset(KEYS.execution('run-1'), 'status', 'error');
    const tag = await etagOf();
    const checkpoint = await redis.hget(KEYS.projector, 'checkpoint');
    // As it is before the repair tells of what it wrote, which is the last that it does.
    await repair(redis, { mode: 'repair', createEpoch: () => 'e1' });
    expect(await redis.hmget(KEYS.projector, 'checkpoint', 'epoch')).toEqual([checkpoint, 'e1']);
    const response = await ask(tag);
    expect(response.status).toBe(200);
    expect(TaskPageSchema.parse(await response.json()).items[0]?.status).toBe('queued');
  });

  test('once a checkpoint was put in the place of another', async () => {
    const tag = await etagOf();
    const checkpoint = (await redis.hget(KEYS.projector, 'checkpoint')) ?? '';
    const names = [KEYS.projector, KEYS.updates, KEYS.repair];
    const restore = loadScript('restore-checkpoint');
    const args = [checkpoint, checkpoint, 1, 0, '', 0, ''];
    expect(await runScript(redis, restore, names, args)).toBe(1);
    expect(await redis.hget(KEYS.projector, 'checkpoint')).toBe(checkpoint);
    expect((await ask(tag)).status).toBe(200);
  });

  test('once the history was replaced, and its cursors are refused', async () => {
    await commit('run-2');
    const path = `${PATH}?limit=1`;
    const { nextCursor } = TaskPageSchema.parse(await (await ask(undefined, { path })).json());
    const middle = `${path}&cursor=${nextCursor}`;
    const [tag, ofMiddle] = [await etagOf({ path }), await etagOf({ path: middle })];
    await replaceEpoch(redis, KEYS, 'e1', createEpoch(), undefined);
    expect((await ask(tag, { path })).status).toBe(200);
    for (const known of [ofMiddle, '*']) {
      const response = await ask(known, { path: middle });
      expect(response.status).toBe(400);
      expect(response.headers.get('etag')).toBeNull();
      expect(response.headers.get('cache-control')).toBe('no-store');
    }
  });

  test('never while the layout is being migrated', async () => {
    const tag = await etagOf();
    await redis.hset(KEYS.projector, 'layout', '1>2');
    expect((await ask(tag)).status).toBe(503);
  });
});

describe('whoever asks', () => {
  test('is authenticated before anything is said of the page', async () => {
    const tag = await etagOf();
    for (const known of [tag, '*']) {
      expect((await ask(known, { viewer: 'nobody' })).status).toBe(401);
      expect((await ask(known, { viewer: 'eve' })).status).toBe(403);
    }
  });

  test('is told nothing of what another may see, not by tags either', async () => {
    await storeTasks(redis, KEYS, [
      aTask({ executionId: 'of-cleo', actor: { provider: 'slack', id: 'U3' } }),
    ]);
    const seen: Record<string, string[]> = {};
    const tags: Record<string, string> = {};
    for (const viewer of Object.keys(sights)) {
      const response = await ask(undefined, { viewer });
      tags[viewer] = response.headers.get('etag') ?? '';
      const { items } = TaskPageSchema.parse(await response.json());
      seen[viewer] = items.map(({ executionId }) => executionId).sort();
    }
    expect(seen).toEqual({ valid: ['of-cleo', 'run-1'], ben: ['run-1'], cleo: ['of-cleo'] });
    for (const one of Object.keys(tags)) {
      for (const other of Object.keys(tags)) {
        const { status } = await ask(tags[other], { viewer: one });
        expect(status).toBe(one === other ? 304 : 200);
      }
    }
  });

  test('loses a page by their tag with the right to see it', async () => {
    const tag = await etagOf({ viewer: 'ben' });
    sights.ben = ownSight('slack:U9');
    const response = await ask(tag, { viewer: 'ben' });
    expect(response.status).toBe(200);
    expect(TaskPageSchema.parse(await response.json()).items).toEqual([]);
  });
});

test.each([200, 304])(
  'a body that is not read ends the connection with the answer %i',
  async (status) => {
    const tag = await etagOf();
    const socket = connect(dashboard.port, '127.0.0.1').setEncoding('latin1');
    const condition = status === 304 ? `If-None-Match: ${tag}\r\n` : '';
    socket.write(
      `GET ${PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer valid\r\n${condition}` +
        'Content-Length: 5\r\n\r\nhal',
    );
    socket.once('data', () => socket.end('lo'));
    const answer = await text(socket);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} .*connection: close`, 'is'));
    expect(answer.split('\r\n\r\n')[1]?.startsWith('{"items":[')).toBe(status === 200);
  },
);

test('hundreds who load the page at once cost Redis one page', async () => {
  await etagOf();
  await commit('run-2');
  await redis.config('RESETSTAT');
  const answers = await Promise.all(Array.from({ length: 300 }, () => ask()));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  const stats = await redis.info('commandstats');
  expect(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1]).toBe('1');
});
