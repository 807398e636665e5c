import type { RefreshReason } from '@tasktrail/contract';
import type { FaultName } from './faults/fault.ts';
import { FAULTS } from './faults/table.ts';
import type { Outcome } from './round.ts';

/** Everything should be live again so soon after Redis is back, in milliseconds. */
const LIVE_GOAL_MS = 5_000;

/** What all rounds together saw: for a document, or for another program. */
export interface Figures {
  readonly seed: number;
  readonly tookMs: number;
  readonly rounds: number;
  /** The rounds that were not as promised. */
  readonly failed: readonly number[];
  readonly counts: Readonly<Record<string, number>>;
  /** How often viewers were told to begin anew, by reason. */
  readonly refreshes: Readonly<Record<string, number>>;
  /** What really happened, by what is counted. */
  readonly incidents: Readonly<Record<string, number>>;
  readonly faults: readonly FaultFigures[];
  readonly recovery: Times & { readonly goalMs: number; readonly overGoal: number };
}

export interface FaultFigures {
  readonly fault: FaultName;
  /** Rounds with this fault, and those among them in which it took effect. */
  readonly rounds: number;
  readonly happenedIn: number;
  readonly effect: string;
  /** From its end to live again, where the round was about it. */
  readonly recovery: Times;
}

/** In milliseconds; null where nothing was measured. */
interface Times {
  readonly measured: number;
  readonly medianMs: number | null;
  readonly worstMs: number | null;
}

/** What is kept of a round: all that it saw would fill the memory in an hour. */
export interface RoundFigures {
  readonly round: number;
  readonly isGood: boolean;
  readonly faults: readonly FaultName[];
  readonly counts: readonly (readonly [string, number])[];
  readonly refreshes: readonly RefreshReason[];
  readonly tally: Outcome['tally'];
  readonly recoveries: Outcome['recoveries'];
}

export function roundFiguresOf(outcome: Outcome): RoundFigures {
  const { plan, findings, tally, recoveries, evidence } = outcome;
  const viewers = evidence?.viewers ?? [];
  const refreshes = viewers.flatMap((viewer) => viewer.refreshes);
  return {
    ...{ round: plan.round, isGood: findings.length === 0, refreshes, tally, recoveries },
    faults: plan.faults.map(({ name }) => name),
    counts: [
      ['events', evidence?.history.outcomes.size ?? 0],
      ['frames', sum(viewers.map(({ recording }) => recording.frames))],
      ['pages', sum(viewers.map(({ recording }) => recording.pages))],
      ['streams', sum(viewers.map(({ recording }) => recording.streams.length))],
      ['refreshes', refreshes.length],
      ['parkings', evidence?.parkings ?? 0],
      ['moments', evidence?.moments.length ?? 0],
    ],
  };
}

export function figuresOf(seed: number, rounds: readonly RoundFigures[], tookMs: number): Figures {
  const times = rounds.flatMap(({ recoveries }) => recoveries.map(liveMs));
  const refreshes = rounds.flatMap((one) => one.refreshes);
  return {
    ...{ seed, tookMs: Math.round(tookMs), rounds: rounds.length },
    failed: rounds.filter(({ isGood }) => !isGood).map(({ round }) => round),
    counts: totals(rounds.flatMap(({ counts }) => counts)),
    refreshes: totals(refreshes.map((reason) => [reason, 1])),
    incidents: totals(rounds.flatMap(({ tally }) => tally.entries())),
    faults: faultsOf(rounds),
    recovery: {
      ...timesOf(times),
      goalMs: LIVE_GOAL_MS,
      overGoal: times.filter((ms) => ms > LIVE_GOAL_MS).length,
    },
  };
}

/** The same for a person. */
export function summaryOf(figures: Figures): string {
  const { seed, tookMs, rounds, failed, counts, refreshes, incidents, recovery } = figures;
  const { overGoal, goalMs, medianMs, worstMs, measured } = recovery;
  return [
    `${rounds} round(s) of seed ${seed} in ${(tookMs / 1000).toFixed(0)} s: ${listOf(counts)}`,
    `told to refresh: ${listOf(refreshes)}`,
    `what happened: ${listOf(incidents)}`,
    ...figures.faults.map(faultLine),
    `live again ${measured} times, after ${medianMs} ms, at worst ${worstMs} ms; ` +
      `${overGoal} times not within ${goalMs} ms`,
    failed.length === 0 ? 'all good' : `${failed.length} FAILED: ${failed}`,
  ].join('\n');
}

function faultLine({ fault, rounds, happenedIn, effect, recovery }: FaultFigures): string {
  const { measured, medianMs, worstMs } = recovery;
  const live =
    measured === 0
      ? ''
      : `; live again after ${medianMs} ms, at worst ${worstMs} ms of ${measured}`;
  return `  ${fault}: ${happenedIn} of ${rounds} (${effect})${live}`;
}

function faultsOf(rounds: readonly RoundFigures[]): FaultFigures[] {
  const names = new Set(rounds.flatMap(({ faults }) => faults));
  return [...names].toSorted().map((fault) => {
    const { effect } = FAULTS[fault];
    const own = rounds.filter(({ faults }) => faults.includes(fault));
    const recoveries = own.flatMap((one) => one.recoveries);
    return {
      ...{ fault, effect, rounds: own.length },
      happenedIn: own.filter(({ tally }) => tally.of(effect) > 0).length,
      recovery: timesOf(recoveries.filter((one) => one.fault === fault).map(liveMs)),
    };
  });
}

function liveMs({ readyMs, seenMs }: Outcome['recoveries'][number]): number {
  return Math.max(readyMs, seenMs);
}

function timesOf(times: readonly number[]): Times {
  const sorted = times.toSorted((a, b) => a - b);
  const medianMs = sorted[Math.floor(sorted.length / 2)] ?? null;
  return { measured: sorted.length, medianMs, worstMs: sorted.at(-1) ?? null };
}

function totals(pairs: readonly (readonly [string, number])[]): Record<string, number> {
  const all = new Map<string, number>();
  for (const [name, count] of pairs) all.set(name, (all.get(name) ?? 0) + count);
  return Object.fromEntries([...all].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function listOf(counts: Readonly<Record<string, number>>): string {
  const list = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
  return list.length === 0 ? 'nothing' : list.join(', ');
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
