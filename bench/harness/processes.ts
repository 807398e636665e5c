import { type ChildProcess, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Redis } from 'ioredis';

const run = promisify(execFile);

/** What is measured runs here. */
export const SERVER_CORE = 0;
/** Whoever loads it, and what it needs and is not measured, run here. */
export const LOAD_CORE = 1;

/** Keeps a process, its threads and those that it will start on one core. */
export async function pin(pid: number, core: number): Promise<void> {
  await run('taskset', ['--all-tasks', '--cpu-list', '--pid', String(core), String(pid)]);
}

/** The process of a Redis server. */
export async function processOf(redis: Redis): Promise<number> {
  const found = /process_id:(\d+)/.exec(await redis.info('server'))?.[1];
  if (found === undefined) throw new Error('this Redis does not tell its process');
  return Number(found);
}

/** Ticks of the clock that /proc counts in: Linux has had 100 everywhere for decades. */
const TICKS_PER_SECOND = 100;

/** The time that a process has had a core, in seconds, to the hundredth. */
export async function cpuSecondsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The name, in parentheses, may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** The memory that a process has resident, in bytes. */
export async function residentBytesOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

/** A process that is told what to do by messages: a load generator, or a peer's server. */
export interface Worker extends AsyncDisposable {
  readonly pid: number;
  /**
   * Sends a message to `answer` in the worker, and resolves with what it gives back. One at a time.
   *
   * @throws Error with the worker's own words when it fails or ends
   */
  ask<Reply>(message: unknown): Promise<Reply>;
}

type Answer = { readonly reply: unknown } | { readonly failure: string };

/**
 * Starts a file of TypeScript as a process on a core of its own; it calls `answer` with what it does.
 *
 * @param module `new URL('./viewers-process.ts', import.meta.url)`
 */
export async function startWorker(
  module: URL,
  core: number,
  nodeOptions: readonly string[] = [],
): Promise<Worker> {
  const child = fork(fileURLToPath(module), [], {
    execArgv: ['--conditions=tasktrail-source', ...nodeOptions],
    serialization: 'advanced',
  });
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  await pin(pid, core);
  return {
    pid,
    ask: async <Reply>(message: unknown) => (await ask(child, message)) as Reply,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}

async function ask(child: ChildProcess, message: unknown): Promise<unknown> {
  using listening = new DisposableStack();
  const answered = new Promise<unknown>((resolve, reject) => {
    const onMessage = (answer: Answer) => {
      if ('reply' in answer) resolve(answer.reply);
      else reject(new Error(answer.failure));
    };
    const onExit = (code: number | null, signal: string | null) =>
      reject(new Error(`a process of the benchmark ended: ${signal ?? code}`));
    child.on('message', onMessage).on('exit', onExit);
    listening.defer(() => child.off('message', onMessage).off('exit', onExit));
  });
  child.send(message as object);
  return await answered;
}

/** In a worker: has each message answered by this, until whoever started it is gone. */
export function answer<Message>(handler: (message: Message) => Promise<unknown> | unknown): void {
  process.on('message', async (message: Message) => {
    try {
      process.send?.({ reply: await handler(message) });
    } catch (error) {
      process.send?.({
        failure: error instanceof Error ? (error.stack ?? error.message) : `${error}`,
      });
    }
  });
  process.on('disconnect', () => process.exit());
}
