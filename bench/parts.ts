import type { BenchPart } from './harness/bench.ts';

/** In the order of the results. */
export const PARTS = ['apply', 'latency', 'fanout', 'memory', 'snapshot', 'start'] as const;

export type PartId = (typeof PARTS)[number];

/** Loads a part when it is asked for, so that a peer that is not installed stops only its own. */
export async function loadPart(id: PartId): Promise<BenchPart> {
  const { PART } = (await import(`./${id}/${id}.ts`)) as { readonly PART: BenchPart };
  return PART;
}
