import type { BenchCase, Figures } from './bench.ts';
import type { ContestantRecord } from './record.ts';

/** Told of each turn as it begins and ends. */
export type Progress = (line: string) => void;

/**
 * Has every contestant measured in turn, A B A B …, so that a machine that becomes slower meanwhile
 * becomes so for all of them.
 */
export async function takeTurns(
  { contestants }: Pick<BenchCase, 'contestants'>,
  turns: number,
  progress: Progress,
): Promise<ContestantRecord[]> {
  const taken = new Map<string, Figures[]>();
  for (let turn = 1; turn <= turns; turn += 1) {
    for (const { name, measure } of contestants.filter(isHere)) {
      const startedAt = performance.now();
      const figures = await measure();
      taken.set(name, [...(taken.get(name) ?? []), figures]);
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      progress(`  turn ${turn} of ${turns}, ${name}: ${inWords(figures)} (${seconds} s)`);
    }
  }
  return contestants.map(({ name, version, missing }) => ({
    ...{ name, version, turns: taken.get(name) ?? [] },
    ...(missing !== undefined && { missing }),
  }));
}

function isHere({ missing }: { readonly missing?: string }): boolean {
  return missing === undefined;
}

function inWords(figures: Figures): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`)
    .join(', ');
}
