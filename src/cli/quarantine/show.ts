import type { StreamId } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { originOf, type QuarantineEntry } from '../../redis/quarantine-entry.ts';
import { type OperatorIo, withRedis } from '../redis-session.ts';
import { readReplays } from './append.ts';
import { type Forecast, Rehearsal } from './forecast.ts';
import { toReplayable } from './replayable.ts';
import { readMoment, readTasks, readWhole } from './store.ts';
import { subjectOf } from './subject.ts';
import { entryJson, forecastText, pairsJson, printable, printableBytes, timeOf } from './text.ts';

/** `tasktrail quarantine show`: everything of an entry, and what a replay would do. */
export interface QuarantineShowOptions {
  readonly json?: boolean;
}

/**
 * Resolves with the exit code: 1 when one of them is not there.
 *
 * @throws RedisAwayError
 */
export async function runQuarantineShow(
  ids: readonly StreamId[],
  { json = false }: QuarantineShowOptions,
  io: OperatorIo,
): Promise<number> {
  return await withRedis(io, 'quarantine', async (redis) => {
    let code = 0;
    for (const id of new Set(ids)) {
      const entry = await readWhole(redis, io.keys, id);
      if (entry === undefined) {
        io.writeError(`${id} is not in the quarantine: see list; it may have been replayed`);
        code = 1;
        continue;
      }
      const forecast = await forecastOf(redis, entry, io);
      if (json) io.write(JSON.stringify(wholeJson(entry, forecast)));
      else for (const line of wholeLines(entry, forecast)) io.write(line);
    }
    return code;
  });
}

async function forecastOf(
  redis: Redis,
  entry: QuarantineEntry,
  { keys }: OperatorIo,
): Promise<Forecast> {
  const { nextEventId } = await readMoment(redis, keys);
  const replayable = toReplayable(entry, new Map(), nextEventId);
  const executionIds = replayable.kind === 'event' ? [replayable.event.executionId] : [];
  const [stored] = (await readTasks(redis, keys, executionIds)).values();
  const [replayedAs] = await readReplays(redis, keys, [entry]);
  const turn = { entry, replayable, stored, replayedAs };
  return new Rehearsal().forecast(turn, nextEventId);
}

function wholeJson(entry: QuarantineEntry, forecast: Forecast): object {
  return { ...entryJson(entry, subjectOf(entry)), pairs: pairsJson(entry.pairs), forecast };
}

function* wholeLines(entry: QuarantineEntry, forecast: Forecast): Generator<string> {
  const { id, kind, reason, field, detail, pairs } = entry;
  yield `${id}  ${timeOf(entry)}`;
  if (kind === 'event') yield `  event ${entry.sourceId}${originText(entry, entry.sourceId)}`;
  yield `  ${printable(`${reason || '-'}  ${field || '-'}  ${detail}`.trimEnd())}`;
  for (let place = 0; place + 1 < pairs.length; place += 2) {
    const [name, value] = pairs.slice(place, place + 2) as [Buffer, Buffer];
    yield `    ${printableBytes(name)} = ${printableBytes(value)}`;
  }
  yield `  replayed now: ${forecastText(forecast)}`;
}

function originText(entry: QuarantineEntry, sourceId: StreamId): string {
  const origin = originOf(entry);
  return origin === sourceId ? '' : `, a replay of ${origin}`;
}
