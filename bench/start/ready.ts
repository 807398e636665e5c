import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../test/oracle/world/ports.ts';
import type { Figures } from '../harness/bench.ts';
import { LOAD_CORE, pin, processOf, SERVER_CORE } from '../harness/processes.ts';
import { startFilled } from './filled.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const POLL_MS = 2;
const PATIENCE_MS = 20_000;
/** Starts within one turn; its figure is their median's, so that no first one is in it. */
const STARTS = 3;

export type Program = 'tasktrail' | 'floor';

const PROGRAMS: Readonly<Record<Program, readonly string[]>> = {
  tasktrail: ['dist/src/main.js', 'serve'],
  floor: ['--conditions=tasktrail-source', 'bench/start/floor-process.ts'],
};

/** From the spawn of a process to its first 200 at /readyz. */
export async function measureStart(program: Program, changes: number): Promise<Figures> {
  await using setting = await startFilled(changes, {});
  await pin(await processOf(setting.redis), LOAD_CORE);
  const { host, port: redisPort } = setting.redis.options;
  const times: number[] = [];
  for (let n = 0; n < STARTS; n += 1) {
    const port = await freePort();
    times.push(
      await timeOf(PROGRAMS[program], port, {
        ...setting.env,
        LOG_LEVEL: 'warn',
        TASK_DASHBOARD_HOST: '127.0.0.1',
        TASK_DASHBOARD_PORT: String(port),
        TASK_DASHBOARD_REPLAY_LIMIT: String(changes),
        REDIS: `${host}:${redisPort}`,
      }),
    );
  }
  return { 'start to ready': times.toSorted((a, b) => a - b)[1] ?? Number.NaN };
}

async function timeOf(
  command: readonly string[],
  port: number,
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const startedAt = performance.now();
  // Nothing that was compiled before, as with the first start of a new image.
  const { NODE_COMPILE_CACHE: _, ...rest } = env;
  const child = spawn(process.execPath, command, {
    cwd: ROOT,
    env: { ...rest, HOME: process.env.HOME ?? '' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const gone = once(child, 'close');
  await pin(child.pid ?? 0, SERVER_CORE);
  try {
    while (!(await isReady(port))) {
      if (child.exitCode !== null) throw new Error(`a program that was started ended: ${command}`);
      if (performance.now() - startedAt > PATIENCE_MS) throw new Error(`not ready: ${command}`);
      await delay(POLL_MS);
    }
    return performance.now() - startedAt;
  } finally {
    child.kill('SIGKILL');
    await gone;
  }
}

async function isReady(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`);
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    return false;
  }
}
