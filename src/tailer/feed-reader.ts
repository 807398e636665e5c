import { laterStreamId, parseStreamId, STREAM_START, type StreamId } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { decodeChange } from '../redis/change-entry.ts';
import type { Keys } from '../redis/keys.ts';
import { loadScript, runScript } from '../redis/script.ts';
import type { FeedTail, StoredHistory } from './continuity.ts';
import type { FeedEntry } from './tailer.ts';

const READ_FEED = loadScript('read-feed');
const READ_FEED_TAIL = loadScript('read-feed-tail');
const REPLACE_EPOCH = loadScript('replace-epoch');

type EntryReply = [id: string, pairs: string[]];

/** The next changes with everything that places them. */
export interface FeedReading {
  readonly stored: StoredHistory;
  readonly entries: readonly FeedEntry[];
}

/** The end of the feed with everything that places it. */
export interface FeedTailReading {
  readonly epoch: string | undefined;
  readonly tail: FeedTail<FeedEntry>;
}

/** The feed's reads and the epoch's one write, each one step of Redis. */
export class FeedReader {
  readonly #redis: Redis;
  readonly #keys: Keys;

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /** @throws CorruptChangeError when the feed holds something that is no change */
  async readAfter(last: StreamId | undefined, count: number): Promise<FeedReading> {
    const reply = await runScript(this.#redis, READ_FEED, this.#feedKeys(), [
      last ?? STREAM_START,
      count,
    ]);
    const [epoch, former, checkpoint, first, trimmed, holdsLast, entries] = reply as [
      ...[string, string, string, string],
      ...[number, number],
      EntryReply[],
    ];
    const decoded = entries.map(decodeEntry);
    return {
      entries: decoded,
      stored: {
        epoch: epoch || undefined,
        formerEpochs: former.split(' '),
        checkpoint: parseStreamId(checkpoint),
        first: parseStreamId(first),
        trimmed,
        holdsLast: holdsLast === 1,
        next: decoded[0]?.id,
      },
    };
  }

  /** @throws CorruptChangeError when the feed holds something that is no change */
  async readTail(count: number): Promise<FeedTailReading> {
    const reply = await runScript(this.#redis, READ_FEED_TAIL, this.#feedKeys(), [count]);
    const [epoch, checkpoint, trimmed, entries] = reply as [string, string, number, EntryReply[]];
    const decoded = entries.map(decodeEntry);
    const newest = decoded[0]?.id ?? STREAM_START;
    return {
      epoch: epoch || undefined,
      tail: {
        entries: decoded,
        trimmed,
        head: laterStreamId(parseStreamId(checkpoint) ?? STREAM_START, newest),
      },
    };
  }

  /**
   * Puts a new epoch in the place of the stored one, unless somebody else has just done so. Whoever
   * followed the stored one, the asker's or any that they replaced, sees that it is a successor.
   */
  async replaceEpoch(
    stored: string | undefined,
    next: string,
    known: string | undefined,
  ): Promise<void> {
    const keys = [this.#keys.projector];
    await runScript(this.#redis, REPLACE_EPOCH, keys, [stored ?? '', next, known ?? '']);
  }

  #feedKeys(): string[] {
    return [this.#keys.projector, this.#keys.updates];
  }
}

function decodeEntry([idText, pairs]: EntryReply): FeedEntry {
  const id = parseStreamId(idText);
  if (id === undefined) throw new TypeError(`Redis named an entry ${idText}`);
  return { id, change: decodeChange(id, pairs) };
}
