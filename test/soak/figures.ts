import type { GrowthTerms, ReturnTerms } from './flatness.ts';

/** What the soak watches, in the order in which it is shown. */
export type FigureName = keyof typeof FIGURES;

export interface Figure {
  readonly title: string;
  readonly unit: string;
  /** Logarithmic where a single fault would flatten all the rest. */
  readonly scale: 'linear' | 'log';
  /** How much more of it there may be late under load than early; undefined: it is not judged. */
  readonly growth?: GrowthTerms;
  /** How much more of it there may be when all is over than before all began. */
  readonly return?: ReturnTerms;
}

export const FIGURES = {
  resident: {
    ...{ title: 'Resident memory', unit: 'MiB', scale: 'linear' },
    // Node goes on to touch what it has reserved for its heap; what is in use is the finer measure.
    growth: { by: 'median', share: 0.1, absolute: 80 },
  },
  heap: {
    ...{ title: 'Heap in use', unit: 'MiB', scale: 'linear' },
    growth: { by: 'floor', share: 0.05, absolute: 3 },
  },
  external: {
    ...{ title: 'Memory of buffers and other objects outside of the heap', unit: 'MiB' },
    ...{ scale: 'linear', growth: { by: 'floor', share: 0.05, absolute: 3 } },
  },
  handles: {
    ...{ title: 'Open handles', unit: 'file descriptors', scale: 'linear' },
    // Clients keep connections for later, and how many is their matter: what counts is the end.
    growth: { by: 'median', share: 0.25, absolute: 32 },
    return: { absolute: 4 },
  },
  connections: {
    ...{ title: 'Redis connections', unit: 'connections', scale: 'linear' },
    growth: { by: 'median', share: 0, absolute: 1 },
    return: { absolute: 0 },
  },
  'loop-lag': {
    ...{ title: 'Event loop delay (99th percentile)', unit: 'ms', scale: 'log' },
    growth: { by: 'median', share: 1, absolute: 100 },
  },
  'projector-lag': {
    ...{ title: 'Age of the oldest event not yet applied', unit: 'ms', scale: 'log' },
    growth: { by: 'median', share: 1, absolute: 1000 },
  },
  /** It holds every event, and so it grows with them. */
  'redis-memory': { title: 'Memory of Redis', unit: 'MiB', scale: 'linear' },
} as const satisfies Record<string, Figure>;

export const FIGURE_NAMES = Object.keys(FIGURES) as readonly FigureName[];

export function figureOf(name: FigureName): Figure {
  return FIGURES[name];
}

/** With its unit, unless it says that already. */
export function nameWithUnit({ title, unit }: Pick<Figure, 'title' | 'unit'>): string {
  return title.endsWith(unit) ? title : `${title} (${unit})`;
}
