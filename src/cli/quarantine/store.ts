import {
  laterStreamId,
  MAX_ENTRY_BYTES,
  parseStreamId,
  STREAM_START,
  type StreamId,
} from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import type { Keys } from '../../redis/keys.ts';
import {
  type Cuts,
  decodeQuarantineEntry,
  type QuarantineEntry,
} from '../../redis/quarantine-entry.ts';
import { loadScript, runScriptOnBytes } from '../../redis/script.ts';
import { decodeTaskRow, type Task } from '../../redis/task-row.ts';

/** What the commands read of Redis. Bytes stay bytes, and what may be many is read by pages. */

const READ_QUARANTINE = loadScript('read-quarantine');

/** Entries of one page, and bytes about which it ends. */
const PAGE_ENTRIES = 500;
const PAGE_BYTES = 4 * 1024 * 1024;
/** Bytes up to which an entry is read whole, which is far above whatever can be applied. */
const MAX_WHOLE_BYTES = 2 * 1024 * 1024;
/** Of a larger one: how long a text may be to be read whole, and what others are cut to. */
const MAX_TEXT_BYTES = MAX_ENTRY_BYTES;
const CUT_TEXT_BYTES = 1024;

/** Ids from one on, and before another; undefined: to the end of the quarantine. */
export interface IdRange {
  readonly from: string | undefined;
  readonly before: string | undefined;
}

/** Pages of a range, each in the order of the whole. */
export async function* readQuarantine(
  redis: Redis,
  keys: Keys,
  { from = '-', before }: IdRange,
  order: 'oldest_first' | 'newest_first',
): AsyncGenerator<readonly QuarantineEntry[], void> {
  const isForward = order === 'oldest_first';
  const end = before === undefined ? '+' : `(${before}`;
  let first = isForward ? from : end;
  const last = isForward ? end : from;
  while (true) {
    const command = isForward ? 'XRANGE' : 'XREVRANGE';
    const page = await readPage(redis, keys, [command, first, last, PAGE_ENTRIES]);
    if (page.length === 0) return;
    yield page;
    first = `(${page.at(-1)?.id}`;
  }
}

/** One entry; undefined where it is not there. */
export async function readQuarantined(
  redis: Redis,
  keys: Keys,
  id: StreamId,
): Promise<QuarantineEntry | undefined> {
  const [entry] = await readPage(redis, keys, ['XRANGE', id, id, 1]);
  return entry;
}

/** One entry with all of its bytes, however many. */
export async function readWhole(
  redis: Redis,
  keys: Keys,
  id: StreamId,
): Promise<QuarantineEntry | undefined> {
  const [entry] = await redis.xrangeBuffer(keys.quarantine, id, id);
  return entry && decodeQuarantineEntry(id, entry[1]);
}

/** The rows of executions as they are now; those that have none are absent. */
export async function readTasks(
  redis: Redis,
  keys: Keys,
  executionIds: Iterable<string>,
): Promise<Map<string, Task>> {
  const tasks = new Map<string, Task>();
  await Promise.all(
    [...executionIds].map(async (executionId) => {
      const task = decodeTaskRow(await redis.hgetall(keys.execution(executionId)));
      if (task !== undefined) tasks.set(executionId, task);
    }),
  );
  return tasks;
}

/** Now, by the clock of Redis: ids come from it, and an operator's clock may be another. */
export interface Moment {
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** Not after the id that an event would get if it were appended now. */
  readonly nextEventId: StreamId;
}

export async function readMoment(redis: Redis, keys: Keys): Promise<Moment> {
  const [[seconds = 0, microseconds = 0], [last]] = await Promise.all([
    redis.time(),
    redis.xrevrange(keys.events, '+', '-', 'COUNT', 1),
  ]);
  const nowMs = Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
  const now = parseStreamId(`${nowMs}-0`) ?? STREAM_START;
  const lastId = parseStreamId(last?.[0] ?? '') ?? STREAM_START;
  return { nowMs, nextEventId: laterStreamId(now, lastId) };
}

/** For how long the oldest event that is not yet applied waits, in milliseconds; 0 for none. */
export async function oldestWaitMs(redis: Redis, keys: Keys, nowMs: number): Promise<number> {
  const checkpoint = await redis.hget(keys.projector, 'checkpoint');
  const after = `(${checkpoint ?? STREAM_START}`;
  const [waiting] = await redis.xrange(keys.events, after, '+', 'COUNT', 1);
  return waiting === undefined ? 0 : Math.max(0, nowMs - Number.parseInt(waiting[0], 10));
}

/** As the header of read-quarantine.lua says. */
type EntryReply = readonly [id: Buffer, texts: readonly Buffer[], cuts: readonly number[]];

async function readPage(
  redis: Redis,
  keys: Keys,
  range: readonly (string | number)[],
): Promise<QuarantineEntry[]> {
  const bounds = [MAX_WHOLE_BYTES, MAX_TEXT_BYTES, CUT_TEXT_BYTES, PAGE_BYTES];
  const args = [...range, ...bounds];
  const reply = await runScriptOnBytes(redis, READ_QUARANTINE, [keys.quarantine], args);
  return (reply as readonly EntryReply[]).map(([idBytes, texts, cuts]) => {
    const id = parseStreamId(String(idBytes));
    if (id === undefined) throw new TypeError(`Redis named an entry ${idBytes}`);
    return decodeQuarantineEntry(id, texts, toCuts(texts, cuts));
  });
}

function toCuts(texts: readonly Buffer[], cuts: readonly number[]): Cuts {
  const bytes = new Map<Buffer, number>();
  for (let at = 0; at < cuts.length; at += 2) {
    const text = texts[cuts[at] ?? -1];
    if (text !== undefined) bytes.set(text, cuts[at + 1] ?? 0);
  }
  return bytes;
}
