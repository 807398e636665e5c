import type { Enter } from './read-model.ts';

/** What was read, or the reason why whoever was to read it got no place. */
type Outcome<T> =
  | { readonly kind: 'read'; readonly value: T }
  | { readonly kind: 'refused'; readonly error: unknown };

/**
 * Reads that are under way, by a name: whoever asks for one meanwhile is given the same.
 *
 * One of those who ask gets the place for it, and may be refused for reasons of their own, or leave.
 * Then another takes over, and the others wait once more: not for ever, if it goes on like this.
 */
export class SharedReads<T> {
  readonly #underWay = new Map<string, Promise<Outcome<T>>>();

  /** @throws what `enter` of this caller and `read` of whoever reads throw */
  async get(name: string, enter: Enter, read: () => Promise<T>): Promise<T> {
    for (let waited = 0; waited < 2; waited += 1) {
      const other = this.#underWay.get(name);
      if (other === undefined) break;
      const outcome = await other;
      if (outcome.kind === 'read') return outcome.value;
    }
    const own = readInPlace(enter, read);
    this.#underWay.set(name, own);
    try {
      const outcome = await own;
      if (outcome.kind === 'refused') throw outcome.error;
      return outcome.value;
    } finally {
      if (this.#underWay.get(name) === own) this.#underWay.delete(name);
    }
  }

  /** Whoever asks from now on is not given what is under way. */
  close(name: string): void {
    this.#underWay.delete(name);
  }
}

async function readInPlace<T>(enter: Enter, read: () => Promise<T>): Promise<Outcome<T>> {
  let place: Disposable;
  try {
    place = await enter();
  } catch (error) {
    return { kind: 'refused', error };
  }
  using _ = place;
  return { kind: 'read', value: await read() };
}
