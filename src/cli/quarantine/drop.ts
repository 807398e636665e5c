import type { StreamId } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import type { QuarantineEntry } from '../../redis/quarantine-entry.ts';
import { type OperatorIo, withRedis } from '../redis-session.ts';
import { type Choice, choiceFault, selectQuarantined } from './selection.ts';
import { readMoment, readQuarantined, readWhole } from './store.ts';
import { subjectOf } from './subject.ts';
import { entryJson, entryLine, pairsJson } from './text.ts';

/** `tasktrail quarantine drop`: deletes entries for good. */
export interface QuarantineDropOptions extends Choice {
  readonly yes?: boolean;
  readonly json?: boolean;
}

/**
 * Resolves with the exit code. What comes into the quarantine while it runs stays there.
 *
 * @throws RedisAwayError
 */
export async function runQuarantineDrop(
  ids: readonly StreamId[],
  options: QuarantineDropOptions,
  io: OperatorIo,
): Promise<number> {
  const fault = choiceFault(ids, options);
  if (fault !== undefined) {
    io.writeError(`quarantine drop: ${fault}`);
    return 2;
  }
  return await withRedis(io, 'quarantine', async (redis) => {
    const { nowMs } = await readMoment(redis, io.keys);
    const selection = await selectQuarantined(redis, io.keys, ids, options, nowMs);
    for (const id of selection.missing) io.writeError(`${id} is not in the quarantine: see list`);
    let count = 0;
    for (const id of selection.ids) {
      if (await drop(redis, id, options, io)) count += 1;
    }
    const say = options.json ? io.writeError : io.write;
    if (selection.isCut) io.writeError(`only the first ${count}: run this again for the rest`);
    say(options.yes ? `${count} dropped` : dryRunText(count));
    return selection.missing.length > 0 ? 1 : 0;
  });
}

/** Whether it was there, and so was dropped unless this is a dry run. */
async function drop(
  redis: Redis,
  id: StreamId,
  options: QuarantineDropOptions,
  io: OperatorIo,
): Promise<boolean> {
  const read = options.json ? readWhole : readQuarantined;
  const entry = await read(redis, io.keys, id);
  if (entry !== undefined) io.write(lineOf(entry, options));
  const isThere =
    entry !== undefined && (!options.yes || (await redis.xdel(io.keys.quarantine, id)) === 1);
  if (!isThere) io.writeError(`${id} is gone: replayed or dropped by somebody else meanwhile`);
  return isThere;
}

function lineOf(entry: QuarantineEntry, { json, yes }: QuarantineDropOptions): string {
  const subject = subjectOf(entry);
  if (!json) return entryLine(entry, subject);
  const said = entryJson(entry, subject);
  return JSON.stringify({ ...said, pairs: pairsJson(entry.pairs), dropped: yes === true });
}

function dryRunText(count: number): string {
  const remedy = count === 0 ? '' : '; --yes does it';
  return `dry run, nothing was deleted: ${count} would be dropped${remedy}`;
}
