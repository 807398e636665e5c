import { seededRandom } from '../e2e/workload.ts';

/**
 * Everything random of a round. Each actor has dice of its own, named after it, so that what it
 * decides depends on the seed and on its own earlier throws alone, never on who else was running.
 */
export class Dice {
  readonly #name: string;
  readonly #next: () => number;

  constructor(...name: readonly (string | number)[]) {
    this.#name = name.join('/');
    this.#next = seededRandom(hashOf(this.#name));
  }

  /** Dice of a part of this actor: the same ones however often these were thrown before. */
  of(...name: readonly (string | number)[]): Dice {
    return new Dice(this.#name, ...name);
  }

  chance(probability: number): boolean {
    return this.#next() < probability;
  }

  /** A whole number, both ends included. */
  between(min: number, max: number): number {
    return min + Math.floor(this.#next() * (max - min + 1));
  }

  pick<T>(values: readonly T[]): T {
    const value = values[Math.floor(this.#next() * values.length)];
    if (value === undefined) throw new RangeError('there is nothing to pick from');
    return value;
  }

  some<T>(values: readonly T[], probability: number): T[] {
    return values.filter(() => this.chance(probability));
  }

  shuffled<T>(values: readonly T[]): T[] {
    const left = [...values];
    return values.map(() => left.splice(this.between(0, left.length - 1), 1)[0] as T);
  }
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return hash >>> 0;
}
