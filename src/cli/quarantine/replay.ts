import type { StreamId } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import type { ConnectionOptions } from '../../redis/connections.ts';
import { type OperatorIo, withRedis } from '../redis-session.ts';
import { readReplays, replayQuarantined } from './append.ts';
import { type Forecast, leaves, Rehearsal, type Turn } from './forecast.ts';
import { type Mending, toReplayable } from './replayable.ts';
import { ReplayReport } from './report.ts';
import { type Choice, choiceFault, selectQuarantined } from './selection.ts';
import { oldestWaitMs, readMoment, readQuarantined, readTasks } from './store.ts';

/** `tasktrail quarantine replay`: appends entries to the events again, mended where that is asked. */
export interface QuarantineReplayOptions extends Choice {
  readonly set?: Mending;
  readonly force?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** Entries that are read, forecast and replayed together. */
const CHUNK = 32;
/** The projector is behind, and not only busy. */
const LONG_WAIT_MS = 5000;

/**
 * Resolves with the exit code. What was replayed has left the quarantine, so that after any failure
 * the same call goes on with the rest.
 *
 * @throws RedisAwayError
 */
export async function runQuarantineReplay(
  ids: readonly StreamId[],
  options: QuarantineReplayOptions,
  io: OperatorIo,
): Promise<number> {
  const fault = choiceFault(ids, options);
  if (fault !== undefined) {
    io.writeError(`quarantine replay: ${fault}`);
    return 2;
  }
  return await withRedis(io, 'quarantine', async (redis, connection) => {
    const { nowMs } = await readMoment(redis, io.keys);
    const selection = await selectQuarantined(redis, io.keys, ids, options, nowMs);
    const waitMs = await oldestWaitMs(redis, io.keys, nowMs);
    const report = new ReplayReport(options, io);
    report.begin(selection, waitMs > LONG_WAIT_MS ? waitMs : undefined);
    const replay = new Replay(redis, connection, options, io, report);
    try {
      for (let at = 0; at < selection.ids.length; at += CHUNK) {
        await replay.chunk(selection.ids.slice(at, at + CHUNK));
      }
    } finally {
      report.end();
    }
    return selection.missing.length > 0 ? 1 : 0;
  });
}

/** One call of `replay`: entries in their order, and what those before have done. */
class Replay {
  readonly #redis: Redis;
  readonly #connection: ConnectionOptions;
  readonly #options: QuarantineReplayOptions;
  readonly #io: OperatorIo;
  readonly #report: ReplayReport;
  readonly #rehearsal = new Rehearsal();

  constructor(
    redis: Redis,
    connection: ConnectionOptions,
    options: QuarantineReplayOptions,
    io: OperatorIo,
    report: ReplayReport,
  ) {
    this.#redis = redis;
    this.#connection = connection;
    this.#options = options;
    this.#io = io;
    this.#report = report;
  }

  async chunk(ids: readonly StreamId[]): Promise<void> {
    const { nextEventId } = await readMoment(this.#redis, this.#io.keys);
    for (const { id, turn } of await this.#turns(ids, nextEventId)) {
      if (turn === undefined) {
        this.#report.gone(id);
        continue;
      }
      const forecast = this.#rehearsal.forecast(turn, nextEventId);
      if (!leaves(forecast, this.#options.force === true)) this.#report.stays(turn.entry, forecast);
      else if (this.#options.yes) await this.#replay(turn, forecast);
      else {
        this.#rehearsal.replay(turn, nextEventId);
        this.#report.wouldReplay(turn.entry, forecast);
      }
    }
  }

  async #replay(turn: Turn, forecast: Forecast): Promise<void> {
    const pairs = turn.replayable.kind === 'event' ? turn.replayable.pairs : [];
    const { keys } = this.#io;
    const { entry } = turn;
    const done = await replayQuarantined(this.#redis, this.#connection, keys, entry, pairs);
    if (done.kind === 'gone') return this.#report.gone(entry.id);
    this.#rehearsal.replay(turn, done.id);
    this.#report.replayed(entry, forecast, done);
  }

  /** Everything that is needed to forecast entries, read at the same time. */
  async #turns(ids: readonly StreamId[], nextEventId: StreamId) {
    const { keys } = this.#io;
    const redis = this.#redis;
    const entries = await Promise.all(ids.map((id) => readQuarantined(redis, keys, id)));
    const mending = this.#options.set ?? new Map();
    const replayables = entries.map((entry) => entry && toReplayable(entry, mending, nextEventId));
    const executionIds = replayables.map((replayable) =>
      replayable?.kind === 'event' ? replayable.event.executionId : undefined,
    );
    const named = new Set(executionIds.filter((id) => id !== undefined));
    const tasks = await readTasks(redis, keys, named);
    const replays = await readReplays(redis, keys, entries);
    return ids.map((id, place) => {
      const [entry, replayable] = [entries[place], replayables[place]];
      if (entry === undefined || replayable === undefined) return { id, turn: undefined };
      const stored = tasks.get(executionIds[place] ?? '');
      return { id, turn: { entry, replayable, stored, replayedAs: replays[place] } };
    });
  }
}
