import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type PrivateRedis,
  PrivateRedisError,
  type PrivateRedisOptions,
  type PrivateRedisState,
} from './private-redis-contract.ts';
import { guardProcess, type ProcessGuard } from './process-guard.ts';
import { firstOutcome, whenGone } from './redis-answers.ts';
import type { RedisProgram } from './redis-program.ts';
import {
  type Address,
  asArguments,
  isPortTaken,
  localPort,
  portToTry,
  privateSettings,
  unixSocket,
} from './redis-settings.ts';

const START_TIMEOUT_MS = 15_000;
const PORT_ATTEMPTS = 20;
/** How long a restart waits for its own port, when the kernel still holds it. */
const PORT_RETRY_MS = 50;
/** Of the server's output, enough to hold the reason why it gave up. */
const KEPT_OUTPUT = 4_000;

/** Starts the program as a child of this process, in a temporary directory of its own. */
export async function startRedisProcess(
  program: RedisProgram,
  options: PrivateRedisOptions,
): Promise<PrivateRedis> {
  const directory = await mkdtemp(join(tmpdir(), 'tasktrail-redis-'));
  const guard = guardProcess(directory);
  try {
    for (let attempt = 1; ; attempt += 1) {
      const address = options.unixSocket
        ? unixSocket(join(directory, 'redis.sock'))
        : localPort(portToTry(Math.random()), options.settings?.requirepass);
      const server = new RedisProcess(program, address, directory, guard, options);
      const outcome = await server.launch();
      if (outcome === 'ready') return server;
      if (attempt === PORT_ATTEMPTS) {
        throw new PrivateRedisError(`${PORT_ATTEMPTS} ports in a row were taken: try again`);
      }
    }
  } catch (error) {
    await guard.end();
    throw error;
  }
}

class RedisProcess implements PrivateRedis {
  readonly kind = 'spawned';
  readonly url: string;
  state: PrivateRedisState = 'down';
  #child: ChildProcess | undefined;
  #output = '';
  #stopped: Promise<void> | undefined;
  readonly #program: RedisProgram;
  readonly #arguments: readonly string[];
  readonly #directory: string;
  readonly #guard: ProcessGuard;
  readonly #startTimeoutMs: number;

  constructor(
    program: RedisProgram,
    address: Address,
    directory: string,
    guard: ProcessGuard,
    options: PrivateRedisOptions,
  ) {
    this.url = address.url;
    this.#program = program;
    this.#directory = directory;
    this.#guard = guard;
    this.#arguments = asArguments({
      ...address.settings,
      dir: directory,
      ...privateSettings(options),
    });
    this.#startTimeoutMs = options.startTimeoutMs ?? START_TIMEOUT_MS;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    child.ref();
    child.kill(signal);
    // A frozen process takes no other signal than SIGKILL before it goes on.
    if (this.state === 'paused') child.kill('SIGCONT');
    await whenGone(child);
  }

  async pause(): Promise<void> {
    if (this.state !== 'running') throw this.#refusal('pause');
    this.#child?.kill('SIGSTOP');
    this.state = 'paused';
  }

  async resume(): Promise<void> {
    if (this.state !== 'paused') throw this.#refusal('resume');
    this.#child?.kill('SIGCONT');
    this.state = 'running';
  }

  async restart(): Promise<void> {
    if (this.#stopped !== undefined) throw this.#refusal('restart');
    await this.kill();
    const deadline = performance.now() + this.#startTimeoutMs;
    while ((await this.launch()) === 'port-taken') {
      if (performance.now() > deadline) throw this.#failure('its port is taken');
      await sleep(PORT_RETRY_MS);
    }
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(): Promise<void> {
    this.state = 'stopped';
    await this.kill();
    await this.#guard.end();
  }

  /**
   * The child is in a process group of its own, so that Ctrl-C reaches this program alone and the
   * server stays until the program has drained; the guard ends it if the program cannot.
   */
  async launch(): Promise<'ready' | 'port-taken'> {
    if (this.#stopped !== undefined) throw this.#refusal('start');
    this.#output = '';
    const child = spawn(this.#program.file, this.#arguments, {
      argv0: this.#program.calledAs,
      cwd: this.#directory,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    child.once('exit', () => this.#gone());
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        this.#output = (this.#output + chunk).slice(-KEPT_OUTPUT);
      });
      (stream as Socket).unref();
    }
    try {
      await once(child, 'spawn');
    } catch (error) {
      this.#child = undefined;
      throw new PrivateRedisError(`${this.#program.file} cannot be run`, { cause: error });
    }
    if (child.pid !== undefined) this.#guard.watch(child.pid);

    const outcome = await firstOutcome(child, this.url, this.#startTimeoutMs);
    if (this.#stopped !== undefined) throw this.#refusal('start');
    if (outcome === 'ready') {
      // From here on the server alone keeps no event loop alive.
      child.unref();
      this.state = 'running';
      return 'ready';
    }
    await this.kill();
    if (isPortTaken(this.#output)) return 'port-taken';
    throw this.#failure(outcome === 'gone' ? 'it gave up' : 'it did not answer in time');
  }

  #gone(): void {
    this.#child = undefined;
    this.#guard.unwatch();
    if (this.#stopped === undefined) this.state = 'down';
  }

  #failure(reason: string): PrivateRedisError {
    return new PrivateRedisError(
      `${this.#program.file} did not start: ${reason}. Its last output:\n${this.#output.trim()}`,
    );
  }

  #refusal(action: string): PrivateRedisError {
    return new PrivateRedisError(`cannot ${action} a private Redis that is ${this.state}`);
  }
}
