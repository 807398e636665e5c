/** Where the values of an axis lie, and which of them are written beside it. Pure. */
export interface Axis {
  readonly ticks: readonly number[];
  /** 0 at the beginning of the axis, 1 at its end; what lies outside is drawn at its edge. */
  place(value: number): number;
}

const STEPS = [1, 2, 2.5, 5, 10];

/** From 0 to a round number above the largest value. */
export function linearAxis(largest: number, about: number): Axis {
  const rough = Math.max(largest, Number.MIN_VALUE) / about;
  const decade = 10 ** Math.floor(Math.log10(rough));
  const step = (STEPS.find((one) => one * decade >= rough) ?? 10) * decade;
  const count = Math.max(1, Math.ceil(largest / step));
  return {
    ticks: Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(12))),
    place: (value) => clamp(value / (count * step)),
  };
}

/** From one power of ten to another; what is smaller than the first, 0 included, is drawn as it. */
export function logarithmicAxis(smallest: number, largest: number): Axis {
  const from = Math.floor(Math.log10(smallest));
  const to = Math.max(from + 1, Math.ceil(Math.log10(largest)));
  return {
    ticks: Array.from({ length: to - from + 1 }, (_, index) => 10 ** (from + index)),
    place: (value) => clamp((Math.log10(value) - from) / (to - from)),
  };
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}
