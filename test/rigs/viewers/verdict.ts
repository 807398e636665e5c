import { quantile } from '../../../bench/harness/statistics.ts';
import type { CrowdOutcome } from './crowd-messages.ts';
import { boundOfStreams, type MemoryFactors } from './memory-bound.ts';

/** What a round showed: the healthy viewers alone, then beside the others, who then read on. */
export interface Round {
  /** From an event to each of the healthy viewers. */
  readonly aloneMs: readonly number[];
  readonly besideMs: readonly number[];
  readonly outcome: CrowdOutcome;
}

export interface Measured {
  readonly rounds: readonly Round[];
  /** Of the server's memory before the first round, at most, and at the end. */
  readonly calmBytes: number;
  readonly peakBytes: number;
  readonly endBytes: number;
  readonly factors: MemoryFactors;
  /** Of the healthy viewers. */
  readonly faults: readonly string[];
  readonly refreshes: number;
  /** Streams of all that did not begin with the change after their position. */
  readonly gaps: number;
}

/** One promise, and whether it was kept. */
export interface Finding {
  readonly isKept: boolean;
  readonly text: string;
}

/** By how much the others may make a healthy viewer wait longer. */
const MAX_RATIO = 2;
const MIB = 1024 * 1024;

export function judge(measured: Measured): Finding[] {
  return [
    judgeDelay(measured),
    judgeMemory(measured),
    judgeHealthy(measured),
    judgeOthers(measured),
  ];
}

/** By the median of the rounds: in one of them the machine may have been busy with something else. */
function judgeDelay({ rounds }: Measured): Finding {
  const p99 = rounds.map(({ aloneMs, besideMs }) => {
    const [alone, beside] = [quantile(aloneMs, 0.99), quantile(besideMs, 0.99)];
    return { alone, beside, ratio: beside / alone };
  });
  const ratio = quantile(
    p99.map((round) => round.ratio),
    0.5,
  );
  const each = p99.map(({ alone, beside }) => `${alone.toFixed(1)} → ${beside.toFixed(1)} ms`);
  return {
    isKept: ratio <= MAX_RATIO,
    text: `p99 of the healthy × ${ratio.toFixed(2)}, at most × ${MAX_RATIO}: ${each.join(', ')}`,
  };
}

function judgeMemory({ calmBytes, peakBytes, endBytes, factors }: Measured): Finding {
  const [more, bound] = [peakBytes - calmBytes, boundOfStreams(factors)];
  const { streams, replayLimit, frameBytes } = factors;
  return {
    isKept: more <= bound,
    text:
      `memory ${inMib(more)} more than ${inMib(calmBytes)}, at most ${inMib(bound)} for ` +
      `${streams} streams, ${replayLimit} changes kept and frames of ${frameBytes} B; ` +
      `${(more / streams / 1024).toFixed(0)} KiB a stream; ${inMib(endBytes)} at the end`,
  };
}

function judgeHealthy({ faults, refreshes }: Measured): Finding {
  return {
    isKept: faults.length === 0 && refreshes === 0,
    text: `healthy viewers: ${faults.length} faults, ${refreshes} refreshes. ${some(faults)}`,
  };
}

function judgeOthers({ rounds, gaps }: Measured): Finding {
  const outcomes = rounds.map(({ outcome }) => outcome);
  const behind = outcomes.reduce((sum, outcome) => sum + outcome.behind, 0);
  const faults = outcomes.flatMap((outcome) => outcome.faults);
  return {
    isKept: behind === 0 && faults.length === 0 && gaps === 0,
    text:
      `the others: ${behind} behind, ${faults.length} faults, ${gaps} gaps: each has every change ` +
      `from where it began, or was told to begin anew, to the last. ${some(faults)}`,
  };
}

function some(faults: readonly string[]): string {
  return faults.slice(0, 3).join('; ');
}

export function inMib(bytes: number): string {
  return `${(bytes / MIB).toFixed(0)} MiB`;
}
