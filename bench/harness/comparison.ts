import type { Target } from './bench.ts';
import type { CaseRecord } from './record.ts';
import { median } from './statistics.ts';

/** Middle and ends of what the turns gave. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), least: Math.min(...values), most: Math.max(...values) };
}

/** A contestant's values of a figure, turn by turn; those that a turn does not tell are left out. */
export function valuesOf(record: CaseRecord, contestant: string, figure: string): number[] {
  const turns = record.contestants.find(({ name }) => name === contestant)?.turns ?? [];
  return turns.flatMap((turn) => turn[figure] ?? []);
}

/** What a target came to. */
export interface Outcome {
  readonly target: Target;
  /** Of the figure, or of its ratio; undefined where one of the two was not measured. */
  readonly reached: Spread | undefined;
  readonly isMet: boolean | undefined;
}

/**
 * A ratio is taken of the two turns of one round, which the machine treated alike, and the middle of
 * these counts; not the ratio of two medians, which may be of different moments.
 */
export function judge(record: CaseRecord, target: Target): Outcome {
  const { contestant, figure, against, atLeast, atMost } = target;
  const own = valuesOf(record, contestant, figure);
  const others = against === undefined ? undefined : valuesOf(record, against, figure);
  const values =
    others === undefined
      ? own
      : own.slice(0, others.length).map((value, n) => value / (others[n] ?? Number.NaN));
  if (values.length === 0) return { target, reached: undefined, isMet: undefined };
  const reached = spreadOf(values);
  const isMet =
    (atLeast === undefined || reached.median >= atLeast) &&
    (atMost === undefined || reached.median <= atMost);
  return { target, reached, isMet };
}

/** The share of its recorded value by which a ratio may become worse before the guard fails. */
export const TOLERANCE = 0.25;

/** A ratio that the guard watches, then and now. */
export interface Comparison {
  readonly target: Target;
  readonly recorded: number;
  readonly measured: number;
  readonly isWorse: boolean;
}

/** Compares the ratios of a case with its record; single figures depend on the machine and are not. */
export function compareRatios(recorded: CaseRecord, measured: CaseRecord): Comparison[] {
  return recorded.targets.flatMap((target) => {
    const before = judge(recorded, target).reached?.median;
    const now = judge(measured, target).reached?.median;
    if (target.against === undefined || before === undefined || now === undefined) return [];
    const isMoreBetter = recorded.figures[target.figure]?.better !== 'less';
    const isWorse = isMoreBetter ? now < before * (1 - TOLERANCE) : now > before / (1 - TOLERANCE);
    return { target, recorded: before, measured: now, isWorse };
  });
}
