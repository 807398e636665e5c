import type { RefreshReason } from '@tasktrail/contract';
import { Viewer } from '../oracle/actors/viewer.ts';
import type { PlannedViewer } from '../oracle/plan/round-plan.ts';
import type { World } from '../oracle/world/world.ts';

/** What dashboards were sent. */
export interface Seen {
  readonly frames: number;
  readonly pages: number;
  readonly streams: number;
  readonly refreshes: Readonly<Partial<Record<RefreshReason, number>>>;
}

/**
 * Dashboards that are opened and closed: each stays for a while, and then another one of its kind is
 * opened, signed in anew, at a fresh snapshot. What an earlier one was sent is counted and let go;
 * the last ones are judged by all that they were sent.
 */
export class Dashboards {
  readonly #world: World;
  /** The one that has stayed the longest comes first. */
  readonly #open: { readonly plan: PlannedViewer; readonly viewer: Viewer }[];
  readonly #closed: { frames: number; pages: number; streams: number } = {
    ...{ frames: 0, pages: 0, streams: 0 },
  };
  readonly #refreshes: RefreshReason[] = [];
  readonly #faults: string[] = [];
  #count = 0;

  constructor(world: World, plans: readonly PlannedViewer[]) {
    this.#world = world;
    this.#open = plans.map((plan) => this.#start(plan));
  }

  get viewers(): readonly Viewer[] {
    return this.#open.map(({ viewer }) => viewer);
  }

  /** What those that were closed met that PROTOCOL.md does not know. */
  get faults(): readonly string[] {
    return this.#faults;
  }

  get seen(): Seen {
    const recordings = this.viewers.map(({ recording }) => recording);
    const sum = (values: readonly number[], more: number) =>
      values.reduce((total, value) => total + value, more);
    const reasons = [...this.#refreshes, ...this.viewers.flatMap(({ refreshes }) => refreshes)];
    const refreshes: Partial<Record<RefreshReason, number>> = {};
    for (const reason of reasons) refreshes[reason] = (refreshes[reason] ?? 0) + 1;
    const { frames, pages, streams } = this.#closed;
    return {
      frames: sum(
        recordings.map((one) => one.frames),
        frames,
      ),
      pages: sum(
        recordings.map((one) => one.pages),
        pages,
      ),
      streams: sum(
        recordings.map((one) => one.streams.length),
        streams,
      ),
      refreshes,
    };
  }

  /** One is closed and another one opened. */
  async relieve(): Promise<void> {
    const old = this.#open.shift();
    if (old === undefined) return;
    this.#open.push(this.#start(old.plan));
    const { viewer } = old;
    await viewer.stop();
    const { recording, refreshes, plan } = viewer;
    this.#closed.frames += recording.frames;
    this.#closed.pages += recording.pages;
    this.#closed.streams += recording.streams.length;
    this.#refreshes.push(...refreshes);
    this.#faults.push(...recording.faults.map((fault) => `${plan.name}: ${fault}`));
  }

  async stop(): Promise<void> {
    await Promise.all(this.viewers.map((viewer) => viewer.stop()));
  }

  #start(plan: PlannedViewer): { readonly plan: PlannedViewer; readonly viewer: Viewer } {
    this.#count += 1;
    const name = `${plan.name} (${this.#count})`;
    return { plan, viewer: new Viewer(this.#world, { ...plan, name }).start() };
  }
}
