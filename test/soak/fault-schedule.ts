import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Viewer } from '../oracle/actors/viewer.ts';
import type { FaultName } from '../oracle/faults/fault.ts';
import { FAULTS } from '../oracle/faults/table.ts';
import { type Recovery, whenLive } from '../oracle/live.ts';
import type { World } from '../oracle/world/world.ts';
import { borrowConnections } from './borrowed.ts';

/** How soon everything must be live again, where the fault has no bound of its own. */
const LIVE_WITHIN_MS = 8_000;

/** A fault that happened. Times are milliseconds since the soak began. */
export interface Undergone extends Recovery {
  readonly fault: FaultName;
  readonly fromMs: number;
  readonly toMs: number;
  /** Whether it met something to break. */
  readonly tookEffect: boolean;
}

export interface FaultSchedule {
  readonly faults: readonly FaultName[];
  /** From when everything was live again to the next fault, in milliseconds. */
  readonly gapMs: number;
  readonly untilMs: number;
  /** Milliseconds since the soak began. */
  readonly nowMs: () => number;
  readonly watchers: () => readonly Viewer[];
  /** Others take the places of some bots and dashboards, while all is well. */
  readonly relieve: () => Promise<void>;
}

/**
 * One fault after the other, every kind in turn, until it is time. Those that strike a process strike
 * the second projector or server alone: the first ones live from the beginning to the end, so that
 * what leaks in them adds up.
 *
 * @returns what was found to be too slow, for a person
 */
export async function bringFaults(
  world: World,
  redis: Redis,
  schedule: FaultSchedule,
  undergone: Undergone[],
): Promise<string[]> {
  const { faults, gapMs, untilMs, nowMs } = schedule;
  const findings: string[] = [];
  for (let number = 0; ; number += 1) {
    const nextMs = nowMs() + gapMs;
    await schedule.relieve();
    await delay(Math.max(0, Math.min(nextMs, untilMs) - nowMs()));
    if (nowMs() >= untilMs) return findings;
    const fault = nth(world, faults, number);
    // Even so all is well again by the end.
    if (fault === undefined || nextMs + FAULTS[fault].holdMs[1] > untilMs) continue;
    const { effect, liveWithinMs: bound = LIVE_WITHIN_MS } = FAULTS[fault];
    const effectsBefore = world.tally.of(effect);
    const fromMs = nowMs();
    await undergo(world, fault, number);
    const toMs = nowMs();
    const recovery = await whenLive(world, redis, schedule.watchers());
    const tookEffect = world.tally.of(effect) > effectsBefore;
    undergone.push({ ...recovery, fault, fromMs, toMs, tookEffect });
    const tookMs = Math.max(recovery.readyMs, recovery.seenMs);
    if (tookMs > bound) findings.push(`${fault}: live only after ${tookMs} ms of ${bound}`);
  }
}

/** Each cycle has every fault once, in an order of its own. */
function nth({ plan }: World, faults: readonly FaultName[], number: number): FaultName | undefined {
  const cycle = Math.floor(number / Math.max(1, faults.length));
  return plan.dice.of('cycle', cycle).shuffled(faults)[number % Math.max(1, faults.length)];
}

async function undergo(world: World, name: FaultName, number: number): Promise<void> {
  const { inject, holdMs } = FAULTS[name];
  const dice = world.plan.dice.of('fault', number);
  const { world: own, giveBack } = borrowConnections(world);
  const second = { projectors: world.projectors.slice(1), servers: world.servers.slice(1) };
  try {
    const heal = await inject({ ...own, ...second }, dice);
    await delay(dice.between(...holdMs));
    await heal();
  } finally {
    giveBack();
  }
}
