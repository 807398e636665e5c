import { setTimeout as wait } from 'node:timers/promises';
import type { Enter } from './read-model.ts';

/** For so long, in milliseconds, whoever joins leaves it to the others to get a place. */
const PATIENCE_MS = 50;

/** One read for all who ask for it before it has ended. */
interface SharedRead<T> {
  hasBegun: boolean;
  readonly beginning: PromiseWithResolvers<void>;
  readonly outcome: PromiseWithResolvers<T>;
  /** Who have asked for it, and were neither answered nor refused. */
  askers: number;
}

/**
 * Reads by a name, each done once for all who ask for it at the same time.
 *
 * Whoever is first to have a place reads for all. The first to ask asks for one at once. That may be
 * somebody whose turn is late, because of all else that they wait for: so the others ask too, each in
 * their own name, once nothing has begun for a moment. A crowd meanwhile asks for one place only.
 */
export class SharedReads<T> {
  readonly #underWay = new Map<string, SharedRead<T>>();

  /** @throws what `enter` of this caller and `read` of whoever reads throw */
  async get(name: string, enter: Enter, read: () => Promise<T>): Promise<T> {
    const joined = this.#underWay.get(name);
    const shared = joined ?? newSharedRead<T>();
    this.#underWay.set(name, shared);
    shared.askers += 1;
    try {
      if (joined !== undefined && !shared.hasBegun) {
        const patience = wait(PATIENCE_MS, undefined, { ref: false });
        await Promise.race([shared.beginning.promise, patience]);
      }
      if (!shared.hasBegun) await this.#readInPlace(name, shared, enter, read);
      return await shared.outcome.promise;
    } finally {
      shared.askers -= 1;
      if (shared.askers === 0) this.#forget(name, shared);
    }
  }

  /** Unless another begins first: then the place is given back at once. */
  async #readInPlace(
    name: string,
    shared: SharedRead<T>,
    enter: Enter,
    read: () => Promise<T>,
  ): Promise<void> {
    using place = await enter(shared.beginning.promise);
    if (place === undefined || shared.hasBegun) return;
    shared.hasBegun = true;
    shared.beginning.resolve();
    shared.outcome.resolve(read());
    try {
      await shared.outcome.promise;
    } finally {
      this.#forget(name, shared);
    }
  }

  #forget(name: string, shared: SharedRead<T>): void {
    if (this.#underWay.get(name) === shared) this.#underWay.delete(name);
  }
}

function newSharedRead<T>(): SharedRead<T> {
  return {
    hasBegun: false,
    beginning: Promise.withResolvers(),
    outcome: Promise.withResolvers(),
    askers: 0,
  };
}
