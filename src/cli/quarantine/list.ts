import { type OperatorIo, withRedis } from '../redis-session.ts';
import type { QuarantineFilter } from './filter.ts';
import { type Found, findQuarantined } from './selection.ts';
import { readMoment } from './store.ts';
import { entryJson, entryLine } from './text.ts';

/** `tasktrail quarantine list`: what is in the quarantine, newest first. */
export interface QuarantineListOptions extends QuarantineFilter {
  readonly limit: number;
  readonly json?: boolean;
}

/**
 * Lists the newest entries that match and counts all of them; as JSON it reads no further than it
 * lists.
 *
 * @throws RedisAwayError
 */
export async function runQuarantineList(
  options: QuarantineListOptions,
  io: OperatorIo,
): Promise<number> {
  return await withRedis(io, 'quarantine', async (redis) => {
    const { nowMs } = await readMoment(redis, io.keys);
    const found = findQuarantined(redis, io.keys, options, 'newest_first', nowMs);
    await (options.json ? listAsJson(found, options, io) : listWithCounts(found, options, io));
    return 0;
  });
}

async function listAsJson(
  found: AsyncIterable<Found>,
  { limit }: QuarantineListOptions,
  io: OperatorIo,
): Promise<void> {
  let listed = 0;
  let last = '';
  for await (const { entry, subject } of found) {
    if (listed === limit) {
      io.writeError(`more match: see --limit, or go on with --until ${last}`);
      return;
    }
    io.write(JSON.stringify(entryJson(entry, subject)));
    listed += 1;
    last = entry.id;
  }
}

async function listWithCounts(
  found: AsyncIterable<Found>,
  { limit }: QuarantineListOptions,
  io: OperatorIo,
): Promise<void> {
  const counts = new Map<string, number>();
  let listed = 0;
  let matching = 0;
  let last = '';
  for await (const { entry, subject } of found) {
    matching += 1;
    counts.set(entry.reason, (counts.get(entry.reason) ?? 0) + 1);
    if (listed === limit) continue;
    io.write(entryLine(entry, subject));
    listed += 1;
    last = entry.id;
  }
  if (matching === 0) return io.write('no entry of the quarantine matches');
  const byReason = [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(
      ([reason, count]) => `${count} ${reason === '' ? 'that nothing of Tasktrail wrote' : reason}`,
    );
  const rest =
    matching > listed ? `; the newest ${listed} are listed, go on with --until ${last}` : '';
  io.write(`${matching} in all: ${byReason.join(', ')}${rest}`);
}
