/** Whether a figure stays what it is. Pure: points and spans come in, a verdict comes out. */

export interface Point {
  /** Milliseconds since the soak began. */
  readonly atMs: number;
  /** In the figure's unit; NaN where it could not be read. */
  readonly value: number;
}

export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** What stands for many values: the middle one, or the lowest. */
export type Statistic = 'median' | 'floor';

/** It may grow by a share of itself and by so much besides. */
export interface GrowthTerms {
  readonly by: Statistic;
  readonly share: number;
  readonly absolute: number;
}

export interface ReturnTerms {
  readonly absolute: number;
}

export type Verdict =
  | { readonly kind: 'flat' | 'not-flat'; readonly compared: Compared }
  /** Too little was seen to say anything, which is no good news. */
  | { readonly kind: 'unknown'; readonly points: number };

/** Earlier and later, and what the later one might have been at most. */
export interface Compared {
  readonly before: number;
  readonly after: number;
  readonly limit: number;
}

/** Fewer points stand for nothing. */
const LEAST_POINTS = 4;

/**
 * Growth under load: the last quarter against the second one. The first quarter is left out, since
 * caches fill and code is compiled in it. By the median, since a fault is short; by the floor where
 * values go up and down with garbage collection, and what stays after one is what counts.
 */
export function judgeGrowth(points: readonly Point[], load: Span, terms: GrowthTerms): Verdict {
  return compare(points, quarter(load, 2), quarter(load, 4), terms);
}

/** What was taken is given back: the median when all is over against the one before all began. */
export function judgeReturn(
  points: readonly Point[],
  idle: Span,
  rest: Span,
  { absolute }: ReturnTerms,
): Verdict {
  return compare(points, idle, rest, { by: 'median', share: 0, absolute });
}

/**
 * How much more a minute would be noticed, in the figure's unit: by its growth between the middles
 * of the quarters that are compared.
 */
export function leastNoticed(before: number, load: Span, { share, absolute }: GrowthTerms): number {
  const betweenMinutes = (load.toMs - load.fromMs) / 2 / 60_000;
  return (before * share + absolute) / betweenMinutes;
}

/** NaN when there are none. */
export function floorOf(values: readonly number[]): number {
  return values.length === 0 ? Number.NaN : Math.min(...values);
}

/** NaN when there are none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (lower + upper) / 2;
}

function compare(
  points: readonly Point[],
  earlier: Span,
  later: Span,
  { by, share, absolute }: GrowthTerms,
): Verdict {
  const [first, last] = [valuesWithin(points, earlier), valuesWithin(points, later)];
  const fewest = Math.min(first.length, last.length);
  if (fewest < LEAST_POINTS) return { kind: 'unknown', points: fewest };
  const statistic = by === 'median' ? median : floorOf;
  const [before, after] = [statistic(first), statistic(last)];
  const limit = before * (1 + share) + absolute;
  return { kind: after <= limit ? 'flat' : 'not-flat', compared: { before, after, limit } };
}

/** The nth of four, from 1. */
function quarter({ fromMs, toMs }: Span, nth: number): Span {
  const lengthMs = (toMs - fromMs) / 4;
  return { fromMs: fromMs + (nth - 1) * lengthMs, toMs: fromMs + nth * lengthMs };
}

function valuesWithin(points: readonly Point[], { fromMs, toMs }: Span): number[] {
  return points.flatMap(({ atMs, value }) =>
    atMs >= fromMs && atMs <= toMs && !Number.isNaN(value) ? [value] : [],
  );
}
