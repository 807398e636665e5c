import { parseStreamId, type StreamId } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { digestOf } from '../../redis/append-once.ts';
import {
  type ConnectionOptions,
  connectDeadlineMs,
  connectForBlocking,
} from '../../redis/connections.ts';
import type { Keys } from '../../redis/keys.ts';
import { MOST_TEXTS, type QuarantineEntry } from '../../redis/quarantine-entry.ts';
import { loadScript, runScriptOnBytes } from '../../redis/script.ts';
import { withDeadline } from '../../runtime/deadline.ts';

const REPLAY_QUARANTINED = loadScript('replay-quarantined');

/**
 * For how long it is known that an event was replayed: a read model that is rebuilt meets the
 * event again and quarantines it again, though its replay is in the stream as well. A year.
 */
const KEEP_RECORD_SECONDS = 365 * 24 * 3600;

/** Conflicts are of moments, so that so many in a row mean something else. */
const MAX_CONFLICTS = 100;
const ANSWER_MS = 4000;

export type Replayed =
  | { readonly kind: 'replayed'; readonly id: StreamId }
  /** Its event is in the stream already, from an earlier replay: it was only removed. */
  | { readonly kind: 'known'; readonly id: StreamId }
  /** Somebody else has replayed or dropped it. */
  | { readonly kind: 'gone' };

/**
 * Appends the pairs and removes the entry, in one step. To call it again where the answer was lost
 * is safe: what was appended is no longer in the quarantine.
 */
export async function replayQuarantined(
  redis: Redis,
  connection: ConnectionOptions,
  keys: Keys,
  entry: QuarantineEntry,
  pairs: readonly Buffer[],
): Promise<Replayed> {
  const record = recordKeyOf(keys, entry);
  // A script hands on only so many texts.
  if (pairs.length > MOST_TEXTS) {
    return await replayWatched(connection, keys, entry.id, pairs, record);
  }
  const names = [keys.events, keys.quarantine, ...(record === undefined ? [] : [record])];
  const args = [entry.id, KEEP_RECORD_SECONDS, ...pairs];
  const reply = await runScriptOnBytes(redis, REPLAY_QUARANTINED, names, args);
  if (!Array.isArray(reply)) return { kind: 'gone' };
  return { kind: reply[1] === 1 ? 'known' : 'replayed', id: toStreamId(reply[0]) };
}

/** Under which ids the sources of entries were replayed before; undefined where they were not. */
export async function readReplays(
  redis: Redis,
  keys: Keys,
  entries: readonly (QuarantineEntry | undefined)[],
): Promise<(StreamId | undefined)[]> {
  return await Promise.all(
    entries.map(async (entry) => {
      const record = entry && recordKeyOf(keys, entry);
      const id = record === undefined ? null : await redis.get(record);
      return id === null ? undefined : toStreamId(id);
    }),
  );
}

/** Only the projector can quarantine the same thing twice. */
function recordKeyOf(keys: Keys, entry: QuarantineEntry): string | undefined {
  return entry.kind === 'event'
    ? keys.intake.record(digestOf('replay', entry.sourceId))
    : undefined;
}

/**
 * The same as a transaction. On a connection of its own that never reconnects, because a new one
 * would not watch, and would append what somebody else has appended.
 */
async function replayWatched(
  connection: ConnectionOptions,
  keys: Keys,
  id: StreamId,
  pairs: readonly Buffer[],
  record: string | undefined,
): Promise<Replayed> {
  const redis = connectForBlocking(connection);
  try {
    const connectMs = connectDeadlineMs(connection.url);
    await withDeadline(redis.connect(), connectMs, 'connecting to Redis');
    for (let attempt = 0; attempt < MAX_CONFLICTS; attempt += 1) {
      const replayed = await withDeadline(
        replayUnlessChanged(redis, keys, id, pairs, record),
        ANSWER_MS,
        `replaying ${id}`,
      );
      if (replayed !== undefined) return replayed;
    }
    throw new Error(`the quarantine changes all the time: run this again to replay ${id}`);
  } finally {
    redis.disconnect();
  }
}

/** Undefined where the quarantine changed meanwhile: then nothing was written. */
async function replayUnlessChanged(
  redis: Redis,
  keys: Keys,
  id: StreamId,
  pairs: readonly Buffer[],
  record: string | undefined,
): Promise<Replayed | undefined> {
  await redis.watch(keys.quarantine);
  if ((await redis.xrange(keys.quarantine, id, id)).length === 0) return { kind: 'gone' };
  const known = record === undefined ? null : await redis.get(record);
  if (known !== null) {
    await redis.xdel(keys.quarantine, id);
    return { kind: 'known', id: toStreamId(known) };
  }
  // Within a transaction a command that fails stops no other one: the removal would still happen.
  const type = await redis.type(keys.events);
  if (type !== 'stream' && type !== 'none') {
    throw new Error(`${keys.events} is a ${type}, no stream: nothing was written`);
  }
  const added = redis.multi().call('XADD', [keys.events, '*', ...pairs]);
  const replies = await added.xdel(keys.quarantine, id).exec().catch(throwRefusal);
  if (replies === null) return undefined;
  const [[error, appended] = [new Error('Redis gave fewer replies than commands')]] = replies;
  if (error) throw error;
  const appendedId = toStreamId(appended);
  if (record !== undefined) await redis.set(record, appendedId, 'EX', KEEP_RECORD_SECONDS);
  return { kind: 'replayed', id: appendedId };
}

/** What is refused before the transaction runs is named behind an EXECABORT, which says nothing. */
function throwRefusal(error: Error & { readonly previousErrors?: readonly Error[] }): never {
  throw error.previousErrors?.[0] ?? error;
}

function toStreamId(reply: unknown): StreamId {
  const id = parseStreamId(String(reply));
  if (id === undefined) throw new TypeError(`${String(reply)} is no stream id`);
  return id;
}
