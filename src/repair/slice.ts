import { crc32 } from 'node:zlib';

/**
 * A part of all executions: those whose hash is in a range. The same id always has the same hash,
 * so that slices of different runs fit together.
 */
export interface Slice {
  readonly from: number;
  /** The first hash that is not in it. */
  readonly to: number;
}

/** How many hashes there are. */
export const HASHES = 2 ** 32;

export const WHOLE: Slice = sliceFrom(0);

export function hashOf(executionId: string): number {
  return crc32(executionId);
}

export function isInSlice({ from, to }: Slice, executionId: string): boolean {
  const hash = hashOf(executionId);
  return from <= hash && hash < to;
}

/** Everything from a hash on. */
export function sliceFrom(from: number): Slice {
  return { from, to: HASHES };
}

/** The first half; the same slice where it cannot be halved. */
export function halfOf({ from, to }: Slice): Slice {
  return { from, to: Math.max(from + 1, from + Math.floor((to - from) / 2)) };
}

/** The slice after one, as wide as what of it fitted; undefined after the last. */
export function sliceAfter({ from, to }: Slice): Slice | undefined {
  return to >= HASHES ? undefined : { from: to, to: Math.min(HASHES, to + (to - from)) };
}
