import { parseStreamId, STREAM_START, type StreamId } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { replaceEpoch } from '../redis/epoch.ts';
import type { Keys } from '../redis/keys.ts';
import { loadScript, runScript } from '../redis/script.ts';
import type { Clock } from '../runtime/clock.ts';
import { isWrongType } from './key-types.ts';
import type { RepairMode } from './repair.ts';
import { HASHES } from './slice.ts';

const END_REPAIR = loadScript('end-repair');

/** How far a run has come, in hashes of executions. */
export interface RunPosition {
  /** Everything below is done. */
  readonly from: number;
  /** Rows below are done; never less than `from`. */
  readonly rowsFrom: number;
}

export const RUN_START: RunPosition = { from: 0, rowsFrom: 0 };

/** What is remembered from one run to the next. */
export interface StoredRecord {
  /** How many writes no client was told of. */
  readonly untold: number;
  /** Position at which the epoch began, where a repair opened it. */
  readonly feedSince: StreamId;
  /** Where an interrupted run in this mode is to be continued. */
  readonly resume: RunPosition;
}

/** After so long a run begins from the start again: what it has done may have become undone. */
const RESUMABLE_MS = 60 * 60 * 1000;

export interface RecordOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly mode: RepairMode;
  /** Makes a new epoch, never the same one twice. */
  readonly createEpoch: () => string;
  readonly clock: Clock;
}

/** What a run must remember when it is killed: how far it is, and what clients were not told of. */
export class RepairRecord {
  readonly #options: RecordOptions;
  #hasNewEpoch = false;

  constructor(options: RecordOptions) {
    this.#options = options;
  }

  /** Whether this run has opened a new epoch. */
  get hasNewEpoch(): boolean {
    return this.#hasNewEpoch;
  }

  async read(): Promise<StoredRecord> {
    const { redis, keys, mode, clock } = this.#options;
    const fields = ['untold', 'feedSince', 'mode', 'from', 'rowsFrom', 'atMs'] as const;
    // Where it is of another type, a run that only looks has told that.
    const stored = await redis.hmget(keys.repair, ...fields).catch((error: unknown) => {
      if (isWrongType(error)) return [];
      throw error;
    });
    const [untold, since, savedMode, from, rowsFrom, atMs] = stored;
    const isFresh = savedMode === mode && clock.wallMs() - Number(atMs) < RESUMABLE_MS;
    const saved = { from: Number(from), rowsFrom: Number(rowsFrom) };
    return {
      untold: Number(untold) || 0,
      feedSince: parseStreamId(since ?? '') ?? STREAM_START,
      resume: isFresh && isPosition(saved) ? saved : RUN_START,
    };
  }

  async save(position: RunPosition): Promise<void> {
    const { redis, keys, mode, clock } = this.#options;
    await redis.hset(keys.repair, { mode, ...position, atMs: clock.wallMs() });
  }

  /**
   * Opens a new epoch, so that every client that holds what was wrong reloads; and notes it, so that
   * to be killed in between costs a second epoch, never the first.
   *
   * @param isDone whether there is nothing to be continued
   */
  async openEpoch(isDone: boolean): Promise<void> {
    const { redis, keys, createEpoch } = this.#options;
    const { untold } = await this.read();
    const epoch = (await redis.hget(keys.projector, 'epoch')) ?? undefined;
    await replaceEpoch(redis, keys, epoch, createEpoch(), epoch);
    const since = (await redis.hget(keys.projector, 'checkpoint')) ?? '';
    await this.#end(untold, since, isDone);
    this.#hasNewEpoch = true;
  }

  /** Notes how the run ended; tells clients of what was written, unless they were told before. */
  async end(isDone: boolean, isFeedWrong: boolean): Promise<void> {
    const { untold } = await this.read();
    if (untold > 0 || isFeedWrong) await this.openEpoch(isDone);
    else await this.#end(0, '', isDone);
  }

  async #end(untold: number, since: string, isDone: boolean): Promise<void> {
    const { redis, keys } = this.#options;
    await runScript(redis, END_REPAIR, [keys.repair], [untold, since, isDone ? 1 : 0]);
  }
}

function isPosition({ from, rowsFrom }: RunPosition): boolean {
  return from >= 0 && from <= rowsFrom && rowsFrom <= HASHES;
}
