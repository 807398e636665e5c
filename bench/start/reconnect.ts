import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Figures } from '../harness/bench.ts';
import { LOAD_CORE, pin, SERVER_CORE, startWorker } from '../harness/processes.ts';
import type { ToViewers } from '../memory/viewers-process.ts';
import { positionBehind, startFilled } from './filled.ts';

/** So that what the start itself asks of Redis is over. */
const REST_MS = 500;

/** Viewers who all come back at once to a server that has just started, as after a deploy. */
export async function measureReconnects(
  viewers: number,
  changes: number,
  missed: number,
): Promise<Figures> {
  await using setting = await startFilled(changes, {
    TASK_DASHBOARD_REPLAY_LIMIT: String(changes),
    TASK_DASHBOARD_MAX_STREAMS_PER_IP: '20000',
  });
  const { redis } = setting;
  const server = await setting.start('server', 'serve');
  await pin(server.pid, SERVER_CORE);
  while ((await server.probe('readyz')) !== 200) await delay(20);
  await using load = await startWorker(
    new URL('../memory/viewers-process.ts', import.meta.url),
    LOAD_CORE,
  );
  const message: ToViewers = {
    kind: 'open',
    target: {
      url: server.url,
      path: '/dashboard/tasks/stream',
      protocol: 'sse',
      tokens: setting.signIn(viewers),
      position: await positionBehind(redis, missed),
      mark: 'event: keepalive',
    },
    from: 0,
    to: viewers,
    atOnce: viewers,
  };
  await delay(REST_MS);
  const before = await readsOf(redis);
  const tookMs = await load.ask<number>(message);
  return { 'all live': tookMs, 'reads of Redis': (await readsOf(redis)) - before };
}

/** Calls of commands that read what streams are made of; scripts, since the server reads by them. */
async function readsOf(redis: Redis): Promise<number> {
  const stats = await redis.info('commandstats');
  const reads = stats.matchAll(
    /^cmdstat_(?:evalsha|evalsha_ro|eval_ro|xread|xrange|xrevrange|hgetall|hmget):calls=(\d+)/gm,
  );
  return [...reads].reduce((sum, [, calls]) => sum + Number(calls), 0);
}
