import type { Keys } from '../redis/keys.ts';
import { compareRow, compareStrays } from './compare.ts';
import { type Mend, mendRow, mendStrays, withoutStrays } from './mend.ts';
import type { Difference, RepairMode } from './repair.ts';
import type { Looked } from './slice-reader.ts';

/**
 * What of an execution is compared and written: its row and the ordered sets that this demands, the
 * sets besides in which it was found, or all of these.
 */
export type Aspect = 'row' | 'strays' | 'all';

export interface Judgement {
  readonly differences: readonly Difference[];
  /** What makes it right, or anew in a rebuild; undefined where nothing is to be written. */
  readonly mend: Mend | undefined;
  /** Whether the row itself is another than it was: a commit may have begun with the wrong one. */
  readonly isRowChanged: boolean;
}

export function judge(
  { executionId, target, found }: Looked,
  aspect: Aspect,
  mode: RepairMode,
  keys: Keys,
): Judgement {
  const strays = aspect === 'row' ? [] : compareStrays(executionId, target, found, keys);
  const strayKeys = strays.map(({ key }) => key);
  if (aspect === 'strays') {
    const mend = strays.length === 0 ? undefined : mendStrays(executionId, found, strayKeys);
    return { differences: strays, mend, isRowChanged: false };
  }
  const ofRow = compareRow(executionId, target, found, keys);
  const differences = [...ofRow, ...strays];
  const isAnew = mode === 'rebuild' && target.kind !== 'none';
  const isWanted = isAnew || differences.length > 0;
  const mend = isWanted ? mendRow(executionId, target, found, keys) : undefined;
  return {
    differences,
    mend: mend && withoutStrays(mend, strayKeys),
    isRowChanged: ofRow.some(({ kind }) => !kind.startsWith('member_')),
  };
}
