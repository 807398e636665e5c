/** By this part a wait is longer or shorter. */
const JITTER = 0.1;

/** Spreads what replicas that were started together do again and again. `random`: 0 ≤ r < 1. */
export function jitteredMs(everyMs: number, random: number): number {
  return everyMs * (1 - JITTER + 2 * JITTER * random);
}
