import { runIntruder } from '../oracle/actors/intruder.ts';
import { Ledger } from '../oracle/actors/ledger.ts';
import type { Viewer } from '../oracle/actors/viewer.ts';
import type { World } from '../oracle/world/world.ts';
import { Bots } from './bots.ts';
import { Dashboards } from './dashboards.ts';
import { type Deliveries, runForge } from './forge.ts';
import { runPassersBy, type Visits } from './passers-by.ts';
import { BOTS, DASHBOARDS, LASTING_BOT, WATCHERS } from './soak-plan.ts';

/** How many dashboards give way to others between two faults, and how many bots. */
const DASHBOARDS_RELIEVED = 3;
const BOTS_RELIEVED = 2;

/**
 * Everybody who keeps the program busy: bots, a forge, dashboards, people
 * who look in and leave, and one who may not get in.
 */
export class Load implements AsyncDisposable {
  readonly ledger = new Ledger();
  readonly deliveries: Deliveries = { taken: 0, missed: 0, faults: [] };
  readonly visits: Visits = { left: 0, faults: [] };
  readonly dashboards: Dashboards;
  readonly #bots: Bots;
  readonly #stop = new AbortController();
  readonly #others: Promise<unknown>;

  constructor(world: World) {
    this.dashboards = new Dashboards(world, [...WATCHERS, ...DASHBOARDS]);
    this.#bots = new Bots(world, this.ledger, BOTS, LASTING_BOT);
    this.#others = Promise.all([
      runForge(world, this.deliveries, this.#stop.signal),
      runPassersBy(world, this.visits, this.#stop.signal),
      runIntruder(world, this.ledger.faults, this.#stop.signal),
    ]);
    // It is waited for at the end, and until then a failure of it is nobody's.
    this.#others.catch(() => {});
  }

  get watchers(): readonly Viewer[] {
    return this.dashboards.viewers.filter(({ plan }) => plan.name.startsWith('watcher'));
  }

  /** Others take the places of some. */
  async relieve(): Promise<void> {
    for (let i = 0; i < BOTS_RELIEVED; i += 1) await this.#bots.relieve();
    for (let i = 0; i < DASHBOARDS_RELIEVED; i += 1) await this.dashboards.relieve();
  }

  /** From then on nothing is appended; dashboards follow on. */
  async stopBots(): Promise<void> {
    this.#stop.abort();
    await Promise.all([this.#bots.stop(), this.#others]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled([this.#bots.stop(), this.#others, this.dashboards.stop()]);
  }
}
