import { runHttpProducer } from '../oracle/actors/http-producer.ts';
import type { Ledger } from '../oracle/actors/ledger.ts';
import { runPackageProducer } from '../oracle/actors/package-producer.ts';
import { runRawProducer } from '../oracle/actors/raw-producer.ts';
import type { PlannedProducer } from '../oracle/plan/round-plan.ts';
import type { World } from '../oracle/world/world.ts';
import { borrowConnections } from './borrowed.ts';

const RUN = { package: runPackageProducer, raw: runRawProducer, http: runHttpProducer };

interface Shift {
  readonly plan: PlannedProducer;
  stop(): Promise<void>;
}

/**
 * Bots that come and go: each works for a while, and then another one of its kind takes its place,
 * with tasks of its own. So tasks get ever more, as they do in production, while the load stays.
 */
export class Bots {
  readonly #world: World;
  readonly #ledger: Ledger;
  /** The one that has worked the longest comes first. */
  readonly #shifts: Shift[];
  readonly #lasting: Shift;
  #count = 0;

  /** @param lasting a bot that works from the beginning to the end, under its own name */
  constructor(
    world: World,
    ledger: Ledger,
    plans: readonly PlannedProducer[],
    lasting: PlannedProducer,
  ) {
    this.#world = world;
    this.#ledger = ledger;
    this.#shifts = plans.map((plan) => this.#startNext(plan));
    this.#lasting = this.#start(lasting, lasting.name);
  }

  /** One goes and another one comes. */
  async relieve(): Promise<void> {
    const old = this.#shifts.shift();
    if (old === undefined) return;
    this.#shifts.push(this.#startNext(old.plan));
    await old.stop();
  }

  async stop(): Promise<void> {
    const shifts = [...this.#shifts.splice(0), this.#lasting];
    await Promise.all(shifts.map((shift) => shift.stop()));
  }

  /** What a bot sends is known by its name, and so no two may have the same. */
  #startNext(plan: PlannedProducer): Shift {
    this.#count += 1;
    return this.#start(plan, `${plan.name}-${this.#count}`);
  }

  #start(plan: PlannedProducer, name: string): Shift {
    const { world, giveBack } = borrowConnections(this.#world);
    const stop = new AbortController();
    const done = RUN[plan.kind](world, { ...plan, name }, this.#ledger, stop.signal).catch(
      (error) => void this.#ledger.faults.push(`${name}: ${error}`),
    );
    return {
      plan,
      stop: async () => {
        stop.abort();
        await done;
        giveBack();
      },
    };
  }
}
