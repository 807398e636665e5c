import { compareStreamIds, parseStreamId, STREAM_START, type StreamId } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { CorruptChangeError, decodeChange } from '../redis/change-entry.ts';
import { replaceEpoch } from '../redis/epoch.ts';
import { FeedAheadError } from '../redis/feed-ahead.ts';
import type { Keys } from '../redis/keys.ts';
import { requireLayout } from '../redis/layout.ts';
import { loadScript, runScript } from '../redis/script.ts';
import type { FeedTail, StoredHistory } from './continuity.ts';
import type { FeedEntry } from './tailer.ts';

const READ_FEED = loadScript('read-feed');
const READ_FEED_TAIL = loadScript('read-feed-tail');

type EntryReply = [id: string, pairs: string[]];

/** The next changes with everything that places them. */
export interface FeedReading {
  readonly stored: StoredHistory;
  readonly entries: readonly FeedEntry[];
  /** Why an entry of these cannot be read; then what comes after it is void. */
  readonly corrupt: CorruptChangeError | undefined;
}

/** The end of the feed with everything that places it. */
export interface FeedTailReading {
  readonly epoch: string | undefined;
  readonly tail: FeedTail<FeedEntry>;
}

/**
 * The feed's reads and the epoch's one write, each one step of Redis. A read throws a FatalError
 * where a later program laid out what it read, and an OlderLayoutError until it is migrated: so no
 * change is ever told that this program may misread.
 */
export class FeedReader {
  readonly #redis: Redis;
  readonly #keys: Keys;

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /** @param redis another connection than its own, for what must be read there */
  async readAfter(
    last: StreamId | undefined,
    count: number,
    redis = this.#redis,
  ): Promise<FeedReading> {
    const reply = await runScript(redis, READ_FEED, this.#feedKeys(), [
      last ?? STREAM_START,
      count,
    ]);
    const [epoch, former, checkpoint, first, trimmed, holdsLast, entries, ...rest] = reply as [
      ...[string, string, string, string],
      ...[number, number],
      EntryReply[],
      ...[string, string, string],
    ];
    const [layout, program, lastChange] = rest;
    requireLayout({ layout, program });
    const { readable, corrupt } = decodeEntries(entries);
    return {
      entries: readable,
      corrupt,
      stored: {
        epoch: epoch || undefined,
        formerEpochs: former.split(' '),
        checkpoint: parseStreamId(checkpoint),
        first: parseStreamId(first),
        trimmed,
        holdsLast: holdsLast === 1,
        next: idOf(entries[0]),
        end: entries.length < count ? (idOf(entries.at(-1)) ?? last ?? STREAM_START) : undefined,
        lastChange: parseStreamId(lastChange),
      },
    };
  }

  /** @throws FeedAheadError when the feed is of another history than the checkpoint */
  async readTail(count: number): Promise<FeedTailReading> {
    const reply = await runScript(this.#redis, READ_FEED_TAIL, this.#feedKeys(), [count]);
    const [epoch, checkpoint, trimmed, entries, ...rest] = reply as [
      ...[string, string, number],
      EntryReply[],
      ...[string, string, string, string],
    ];
    const [layout, program, lastChange, maxDeleted] = rest;
    requireLayout({ layout, program });
    const { readable, corrupt } = decodeEntries(entries);
    const head = parseStreamId(checkpoint) ?? STREAM_START;
    const newest = idOf(entries[0]);
    if (newest !== undefined && compareStreamIds(newest, head) > 0) {
      throw new FeedAheadError(this.#keys);
    }
    const tail = {
      entries: readable,
      newest,
      corruptAt: corrupt?.id,
      trimmed,
      lastChange: parseStreamId(lastChange),
      maxDeleted: parseStreamId(maxDeleted),
      head,
    };
    return { epoch: epoch || undefined, tail };
  }

  /** Puts a new epoch in the place of the stored one, once. */
  async replaceEpoch(
    stored: string | undefined,
    next: string,
    known: string | undefined,
  ): Promise<void> {
    await replaceEpoch(this.#redis, this.#keys, stored, next, known);
  }

  #feedKeys(): string[] {
    return [this.#keys.projector, this.#keys.updates];
  }
}

/** The entries up to the first one that cannot be read, in the order in which they were read. */
function decodeEntries(entries: readonly EntryReply[]): {
  readonly readable: FeedEntry[];
  readonly corrupt: CorruptChangeError | undefined;
} {
  const readable: FeedEntry[] = [];
  for (const entry of entries) {
    const id = idOf(entry);
    try {
      readable.push({ id, change: decodeChange(id, entry[1]) });
    } catch (error) {
      if (!(error instanceof CorruptChangeError)) throw error;
      return { readable, corrupt: error };
    }
  }
  return { readable, corrupt: undefined };
}

function idOf(entry: EntryReply): StreamId;
function idOf(entry: EntryReply | undefined): StreamId | undefined;
function idOf(entry: EntryReply | undefined): StreamId | undefined {
  if (entry === undefined) return undefined;
  const id = parseStreamId(entry[0]);
  if (id === undefined) throw new TypeError(`Redis named an entry ${entry[0]}`);
  return id;
}
