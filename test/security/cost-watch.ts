import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'vitest';

/**
 * The bounds of what hostile cases may cost. Each is far more than any case needs, and far less than
 * what would be felt: they tell work that grows with what somebody sent from work that does not.
 */
const BOUNDS = {
  /** CPU time of ten cases at once, server and test together. Other programs do not add to it. */
  cpuMs: 1000,
  /** From the first byte of a request to the last of its answer. */
  answerMs: 5000,
  /** How late a timer is, but for one in a hundred: nothing keeps everybody else waiting. */
  delayMs: 500,
  /** By how much the heap may grow between two measurements with thousands of cases in between. */
  heapBytes: 24 * 1024 * 1024,
} as const;

/** Measures what a storm of cases costs this process, in which the server runs. */
export class CostWatch implements Disposable {
  readonly #lateMs: number[] = [];
  readonly #timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
  #lookedAtMs = performance.now();
  #done = 0;
  #middleBytes: number | undefined;

  /** Runs some cases at once; fails when they cost more CPU time than they may. */
  async run<T>(cases: number, of: number, work: () => Promise<T>): Promise<T> {
    const before = process.cpuUsage();
    const result = await work();
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(BOUNDS.cpuMs);
    this.#done += cases;
    if (this.#done >= of / 3) this.#middleBytes ??= heapBytes();
    // That collected garbage, which is the test's own delay.
    this.#lookedAtMs = performance.now();
    return result;
  }

  expectBounded(): void {
    const lateMs = this.#lateMs.toSorted((a, b) => a - b);
    expect(lateMs.length).toBeGreaterThan(0);
    expect(lateMs[Math.floor(lateMs.length * 0.99)]).toBeLessThan(BOUNDS.delayMs);
    const grownBytes = heapBytes() - (this.#middleBytes ?? 0);
    expect(grownBytes).toBeLessThan(BOUNDS.heapBytes);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const nowMs = performance.now();
    this.#lateMs.push(nowMs - this.#lookedAtMs - LOOK_EVERY_MS);
    this.#lookedAtMs = nowMs;
  }
}

const LOOK_EVERY_MS = 10;

/** Fails when it takes longer than an answer may. */
export async function answeredInTime<T>(answer: Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const result = await answer;
  expect(performance.now() - startedAt).toBeLessThan(BOUNDS.answerMs);
  return result;
}

function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
