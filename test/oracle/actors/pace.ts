import { setTimeout as delay } from 'node:timers/promises';
import type { Dice } from '../dice.ts';
import type { PlannedProducer } from '../plan/round-plan.ts';

/** After so many events a bot only trickles: a long round must not outgrow the replay window. */
const FULL_SPEED_EVENTS = 800;
const TRICKLE_MS = 250;

/** Bursts of a producer until it is told to stop: how many events to send now. */
export async function* bursts(
  { gapMs, burst }: PlannedProducer,
  dice: Dice,
  signal: AbortSignal,
): AsyncGenerator<number, void> {
  let sent = 0;
  while (!signal.aborted) {
    const count = sent < FULL_SPEED_EVENTS ? dice.between(1, burst) : 1;
    sent += count;
    yield count;
    const waitMs = sent < FULL_SPEED_EVENTS ? dice.between(1, gapMs) : TRICKLE_MS;
    await delay(waitMs, undefined, { signal }).catch(() => {});
  }
}
