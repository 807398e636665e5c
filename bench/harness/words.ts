import type { Target } from './bench.ts';
import type { Spread } from './comparison.ts';

/** A number with three digits that count, and all of those before the point. */
export function inDigits(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}

/** `12.3 (11.8–14)`: the median, and from the least to the most. */
export function spreadInWords({ median, least, most }: Spread, sign = ''): string {
  const range = least === most ? '' : ` (${inDigits(least)}–${inDigits(most)})`;
  return `${sign}${inDigits(median)}${range}`;
}

/** What a target asks for: `events/s of tasktrail: at least × 2 that of bullmq`. */
export function targetInWords(
  { contestant, figure, against, atLeast, atMost }: Target,
  unit: string,
): string {
  const sign = against === undefined ? '' : '× ';
  const what = against === undefined ? ` ${unit}` : ` that of ${against}`;
  const bounds = [
    ...(atLeast === undefined ? [] : [`at least ${sign}${inDigits(atLeast)}`]),
    ...(atMost === undefined ? [] : [`at most ${sign}${inDigits(atMost)}`]),
  ];
  return `${contestant}, ${figure}: ${bounds.join(' and ')}${what}`;
}
