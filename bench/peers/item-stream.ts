import { Redis } from 'ioredis';

/** The Redis stream that feeds peers: entries with one field, an item as JSON. */
export const ITEMS = 'items';

export interface ItemEntry {
  readonly id: string;
  readonly json: string;
}

/**
 * Reads items as they come, each read waiting in Redis for the next one: the shortest way from an XADD
 * to a process. Never returns.
 */
export async function readItems(
  url: string,
  take: (items: readonly ItemEntry[]) => void,
): Promise<never> {
  const redis = new Redis(url, { replyMapping: 'legacy' });
  let last = '0-0';
  for (;;) {
    const reply = await redis.xread('COUNT', 1000, 'BLOCK', 1000, 'STREAMS', ITEMS, last);
    const entries = reply?.[0]?.[1] ?? [];
    if (entries.length === 0) continue;
    take(entries.map(([id, pairs]) => ({ id, json: pairs[1] ?? '' })));
    last = entries.at(-1)?.[0] ?? last;
  }
}
