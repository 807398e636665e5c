import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Redis } from 'ioredis';
import { KEYS } from '../../src/redis/keys.ts';
import { SERVER_CORE } from '../harness/processes.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/tasktrail', import.meta.url));
const POLL_MS = 5;
const DEADLINE_MS = 180_000;

/**
 * Runs the projector's process until it has applied everything.
 *
 * @param client of the Redis that it applies to, or records what it sends
 * @param url where it finds that Redis
 * @returns seconds from its taking the lease to its last commit
 */
export async function secondsToApply(client: Redis, url: string): Promise<number> {
  const last = await lastEvent(client);
  const args = ['--cpu-list', String(SERVER_CORE), PROGRAM, 'projector'];
  const child = spawn('taskset', args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      LOG_LEVEL: 'error',
      TASK_TRACKING_REDIS_URL: url,
      NODE_COMPILE_CACHE: join(tmpdir(), 'tasktrail-rig-compiled'),
    },
  });
  const ended = once(child, 'exit');
  try {
    return await secondsUntil(client, last, () => child.exitCode === null);
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}

/** @param isAlive whether what applies them still runs */
export async function secondsUntil(
  client: Redis,
  last: string,
  isAlive: () => boolean,
): Promise<number> {
  const deadline = performance.now() + DEADLINE_MS;
  let startedAt: number | undefined;
  for (;;) {
    const [lease, checkpoint] = await Promise.all([
      client.exists(KEYS.lease),
      client.hget(KEYS.projector, 'checkpoint'),
    ]);
    const now = performance.now();
    if (lease === 1) startedAt ??= now;
    if (checkpoint === last && startedAt !== undefined) return (now - startedAt) / 1000;
    if (!isAlive()) throw new Error('the projector ended');
    if (now > deadline) throw new Error('the projector takes too long');
    await delay(POLL_MS);
  }
}

export async function lastEvent(client: Redis): Promise<string> {
  const [last] = await client.xrevrange(KEYS.events, '+', '-', 'COUNT', 1);
  if (last === undefined) throw new Error('there is no backlog');
  return last[0];
}
