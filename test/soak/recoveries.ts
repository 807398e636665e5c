import { type Column, tableOf } from './document.ts';
import { median } from './flatness.ts';

/** What became of faults of one kind, and how soon everything was live again after them. */
export interface FaultRow {
  readonly fault: string;
  readonly times: number;
  /** How often it met something to break. */
  readonly tookEffect: number;
  /** Milliseconds; null where nothing was measured. */
  readonly medianMs: number | null;
  readonly worstMs: number | null;
}

export interface MeasuredFault {
  readonly fault: string;
  readonly tookEffect: boolean;
  readonly liveMs: number;
}

const COLUMNS: readonly Column[] = [
  { name: 'fault' },
  { name: 'times', align: 'right' },
  { name: 'took effect', align: 'right' },
  { name: 'live again after, median', align: 'right' },
  { name: 'at worst', align: 'right' },
];

/** By the names of the faults, and all of them at the end. */
export function faultRows(faults: readonly MeasuredFault[]): FaultRow[] {
  const byName = Map.groupBy(faults, ({ fault }) => `\`${fault}\``);
  const sorted = [...byName].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return [...sorted, ['all', faults] as const].map(([fault, list]) => {
    const ms = list.map(({ liveMs }) => liveMs);
    return {
      ...{ fault, times: list.length, medianMs: median(ms), worstMs: Math.max(...ms) },
      tookEffect: list.filter(({ tookEffect }) => tookEffect).length,
    };
  });
}

export function faultTable(rows: readonly FaultRow[]): string {
  return tableOf(
    COLUMNS,
    rows.map(({ fault, times, tookEffect, medianMs, worstMs }) => [
      ...[fault, times, tookEffect, inMs(medianMs), inMs(worstMs)],
    ]),
  );
}

function inMs(value: number | null): string {
  return value === null ? 'not measured' : `${Math.round(value)} ms`;
}
