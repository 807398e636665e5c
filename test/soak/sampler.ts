import { readdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { residentBytes } from '../oracle/world/memory.ts';
import type { Runner } from '../oracle/world/runner.ts';
import type { FigureName } from './figures.ts';
import type { Point } from './flatness.ts';

/** One figure of one thing, over time. */
export interface Series {
  readonly figure: FigureName;
  /** A process, or a kind of connection. */
  readonly of: string;
  readonly points: readonly Point[];
}

export interface SamplerOptions {
  readonly runners: readonly Runner[];
  /** Its own connection is not counted. */
  readonly redis: Redis;
  readonly everyMs: number;
  /** Milliseconds since the soak began. */
  readonly nowMs: () => number;
}

const MIB = 1024 * 1024;
/** What the program and the producer package call their connections. */
const OWN_NAMES = /^tasktrail:/;

/** Looks at every process and at Redis again and again, until it is disposed of. */
export class Sampler implements AsyncDisposable {
  readonly #options: SamplerOptions;
  readonly #points = new Map<string, Point[]>();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  /** Connections at each time that Redis answered. */
  readonly #connections: { readonly atMs: number; readonly counts: Map<string, number> }[] = [];

  constructor(options: SamplerOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  get series(): Series[] {
    const sampled = [...this.#points].map(([key, points]) => {
      const [figure = '', of = ''] = key.split('/');
      return { figure: figure as FigureName, of, points };
    });
    return [...sampled, ...this.#connectionSeries()].toSorted((a, b) => (a.of < b.of ? -1 : 1));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { everyMs, nowMs, runners } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const atMs = nowMs();
      await Promise.all([...runners.map((one) => this.#lookAt(one, atMs)), this.#askRedis(atMs)]);
      const waitMs = Math.max(0, atMs + everyMs - nowMs());
      await delay(waitMs, undefined, { signal }).catch(() => {});
    }
  }

  async #lookAt(runner: Runner, atMs: number): Promise<void> {
    const { pid, name } = runner;
    const [resident, handles, metrics] = await Promise.all([
      residentBytes(pid),
      countHandles(pid),
      runner.metrics(),
    ]);
    const note = (figure: FigureName, value = Number.NaN) => this.#note(figure, name, atMs, value);
    if (resident > 0) note('resident', resident / MIB);
    if (handles > 0) note('handles', handles);
    note('heap', over(metrics.get('nodejs_heap_size_used_bytes'), MIB));
    note('external', over(metrics.get('nodejs_external_memory_bytes'), MIB));
    note('loop-lag', over(metrics.get('nodejs_eventloop_lag_p99_seconds'), 0.001));
    if (runner.command === 'projector') {
      note('projector-lag', over(metrics.get('tasktrail_projector_lag_seconds'), 0.001));
    }
  }

  /** Nothing is noted while Redis does not answer. */
  async #askRedis(atMs: number): Promise<void> {
    const { redis } = this.#options;
    try {
      const [clients, memory] = await Promise.all([
        redis.call('CLIENT', 'LIST'),
        redis.info('memory'),
      ]);
      this.#connections.push({ atMs, counts: countConnections(String(clients)) });
      const used = Number(/used_memory:(\d+)/.exec(memory)?.[1]);
      this.#note('redis-memory', 'Redis', atMs, used / MIB);
    } catch {
      // A fault is under way.
    }
  }

  #note(figure: FigureName, of: string, atMs: number, value: number): void {
    const key = `${figure}/${of}`;
    const points = this.#points.get(key);
    if (points === undefined) this.#points.set(key, [{ atMs, value }]);
    else points.push({ atMs, value });
  }

  /** A kind that a sample does not know has no connection then. */
  #connectionSeries(): Series[] {
    const names = new Set(this.#connections.flatMap(({ counts }) => [...counts.keys()]));
    return [...names].toSorted().map((of) => ({
      figure: 'connections',
      of,
      points: this.#connections.map(({ atMs, counts }) => ({ atMs, value: counts.get(of) ?? 0 })),
    }));
  }
}

/** Of the program, by name, as CLIENT LIST tells them. */
export function countConnections(clientList: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [, name = ''] of clientList.matchAll(/ name=(\S*)/g)) {
    if (OWN_NAMES.test(name)) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/** Open file descriptors; 0 where there is no such process, or no /proc. */
async function countHandles(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`).catch(() => [])).length;
}

function over(value: number | undefined, unit: number): number | undefined {
  return value === undefined ? undefined : value / unit;
}
