import type { Redis } from 'ioredis';
import { dropUnreadableMembers } from './scan.ts';
import type { SetSizes } from './set-sizes.ts';
import type { SliceReader } from './slice-reader.ts';
import type { Tally } from './tally.ts';

/** Sets whose sizes are read at once. */
const PAGE = 500;

export interface SizeComparison {
  readonly redis: Redis;
  readonly writes: boolean;
  /** That of the last slice. */
  readonly reader: SliceReader;
  readonly sizes: SetSizes;
  readonly tally: Tally;
}

/** Tells sets of another size than rows demand, and mends them where that is by what is no text. */
export async function compareSizes(comparison: SizeComparison): Promise<void> {
  const { redis, writes, reader, sizes, tally } = comparison;
  // Rows that no events explain whole are in sets, too.
  if (tally.unjudged > 0) sizes.giveUp();
  const { sets } = sizes;
  for (let at = 0; at < sets.length && sizes.isKnown; at += PAGE) {
    const found = await reader.sizes(sets.slice(at, at + PAGE));
    if (!reader.isWhole) sizes.giveUp();
    for (const size of sizes.compare(found, reader.position)) {
      // Of members that differ it is known already.
      if (tally.isDiffering(size.key)) continue;
      const dropped = writes ? await dropUnreadableMembers(redis, size.key) : 0;
      const difference = { kind: 'count', executionId: null, field: null, ...size } as const;
      await tally.tell(difference, dropped === size.found - size.expected);
    }
  }
}
