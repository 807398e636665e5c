import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { guardProcess, type ProcessGuard } from '../../../src/demo/process-guard.ts';
import { patienceMs } from './machine.ts';
import { freePort } from './ports.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const START_MS = 15_000;
const STOP_MS = 15_000;
const PROBE_MS = 4_000;
const POLL_MS = 10;

/** One life of a process. */
export interface Life {
  readonly child: ChildProcess;
  readonly guard: ProcessGuard;
  output: string;
  errors: string;
  /** How it was told to end; undefined: it was not. */
  told: 'kill' | 'stop' | undefined;
  isFrozen: boolean;
  exit: { readonly code: number | null; readonly signal: NodeJS.Signals | null } | undefined;
}

/** A process of the program that lives at the same ports again and again. */
export class Runner {
  readonly name: string;
  readonly command: 'projector' | 'serve';
  readonly lives: Life[] = [];
  /** The largest memory that a probe saw, in bytes. */
  maxRssBytes = 0;
  readonly #env: Readonly<Record<string, string>>;
  readonly #port: number;
  readonly #adminPort: number;
  #starting: Promise<void> | undefined;

  static async create(
    name: string,
    command: Runner['command'],
    env: Readonly<Record<string, string>>,
  ): Promise<Runner> {
    return new Runner(name, command, env, await freePort(), await freePort());
  }

  private constructor(
    name: string,
    command: Runner['command'],
    env: Readonly<Record<string, string>>,
    port: number,
    adminPort: number,
  ) {
    this.name = name;
    this.command = command;
    this.#env = env;
    this.#port = port;
    this.#adminPort = adminPort;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get adminUrl(): string {
    return `http://127.0.0.1:${this.#adminPort}`;
  }

  get life(): Life | undefined {
    return this.lives.at(-1);
  }

  get isRunning(): boolean {
    return this.life !== undefined && this.life.exit === undefined;
  }

  get pid(): number {
    return this.life?.child.pid ?? 0;
  }

  /** Resolves once it answers at its ports, ready or not. Two faults may ask for it at once. */
  start(): Promise<void> {
    this.#starting ??= this.#start().finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  async #start(): Promise<void> {
    if (this.isRunning) return;
    const life = await this.#spawn();
    this.lives.push(life);
    const deadline = performance.now() + patienceMs(START_MS);
    while ((await this.probe('healthz')) !== 200) {
      const what = `${life.output}${life.errors}`.slice(-2000);
      if (life.exit !== undefined) throw new Error(`${this.name} did not start:\n${what}`);
      if (performance.now() > deadline) throw new Error(`${this.name} does not answer:\n${what}`);
      await delay(POLL_MS);
    }
  }

  async kill(): Promise<void> {
    await this.#end('kill', 'SIGKILL');
  }

  /** Asks it to stop, and waits until it has. */
  async stop(): Promise<void> {
    await this.#end('stop', 'SIGTERM');
  }

  freeze(): void {
    this.#signal('SIGSTOP', true);
  }

  thaw(): void {
    this.#signal('SIGCONT', false);
  }

  /** The status that a probe on the admin port answers with; undefined when it does not answer. */
  async probe(path: 'healthz' | 'readyz'): Promise<number | undefined> {
    try {
      const signal = AbortSignal.timeout(PROBE_MS);
      const response = await fetch(`${this.adminUrl}/${path}`, { signal });
      await response.arrayBuffer();
      return response.status;
    } catch {
      return undefined;
    }
  }

  /** What its /metrics say now, by name and labels; empty when it does not answer. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    try {
      const signal = AbortSignal.timeout(PROBE_MS);
      const response = await fetch(`${this.adminUrl}/metrics`, { signal });
      const lines = (await response.text()).split('\n').filter((line) => /^\w/.test(line));
      return new Map(lines.map((line) => [line.replace(/ \S+$/, ''), Number(/\S+$/.exec(line))]));
    } catch {
      return new Map();
    }
  }

  async #spawn(): Promise<Life> {
    const { PATH = '', HOME = '' } = process.env;
    const env = {
      ...{ PATH, HOME, ...this.#env },
      TASK_TRACKING_ADMIN_HOST: '127.0.0.1',
      TASK_TRACKING_ADMIN_PORT: String(this.#adminPort),
      TASK_DASHBOARD_HOST: '127.0.0.1',
      TASK_DASHBOARD_PORT: String(this.#port),
    };
    const guard = guardProcess(await mkdtemp(join(tmpdir(), 'tasktrail-oracle-')));
    const child = spawn(`${ROOT}bin/tasktrail`, [this.command], {
      ...{ cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] },
      // Ctrl-C is for the oracle alone, which then ends what it started.
      detached: true,
    });
    await once(child, 'spawn');
    guard.watch(child.pid ?? 0);
    const life: Life = {
      ...{ child, guard, output: '', errors: '' },
      ...{ told: undefined, isFrozen: false, exit: undefined },
    };
    child.stdout?.setEncoding('utf8').on('data', (text) => {
      life.output += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text) => {
      life.errors += text;
    });
    child.once('close', (code, signal) => {
      life.exit = { code, signal };
      guard.unwatch();
      void guard.end();
    });
    return life;
  }

  async #end(told: 'kill' | 'stop', signal: NodeJS.Signals): Promise<void> {
    await this.#starting?.catch(() => {});
    const { life } = this;
    if (life === undefined || life.exit !== undefined) return;
    if (life.told !== 'kill') life.told = told;
    life.child.kill(signal);
    if (life.isFrozen) this.thaw();
    const deadline = performance.now() + patienceMs(STOP_MS);
    while (life.exit === undefined) {
      if (performance.now() > deadline) throw new Error(`${this.name} does not end by ${signal}`);
      await delay(POLL_MS);
    }
  }

  #signal(signal: NodeJS.Signals, isFrozen: boolean): void {
    const { life } = this;
    if (life === undefined || life.exit !== undefined) return;
    life.child.kill(signal);
    life.isFrozen = isFrozen;
  }
}
