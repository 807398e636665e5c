import { randomBytes } from 'node:crypto';
import type { Position, StreamId } from '@tasktrail/contract';
import { pino } from 'pino';
import { expect, onTestFinished } from 'vitest';
import { connectForCommands } from '../../src/redis/connections.ts';
import { KEYS } from '../../src/redis/keys.ts';
import type { Health } from '../../src/runtime/service.ts';
import { FeedReader } from '../../src/tailer/feed-reader.ts';
import type { FeedEntry, FeedSink, ResetCause } from '../../src/tailer/tailer.ts';
import { TailerService } from '../../src/tailer/tailer-service.ts';
import { eventually } from '../fixtures/facts.ts';
import { asUser } from '../fixtures/redis-users.ts';

interface Options {
  readonly replayLimit?: number;
  /** Where its doorbell is; by default where everything else is. */
  readonly doorbellUrl?: string;
  /** Told of everything that reaches the sink, at once. */
  readonly onSink?: () => void;
}

/** One call of the sink. */
export interface Reset {
  readonly cause: ResetCause;
  readonly ids: readonly StreamId[];
  readonly floor: StreamId;
  readonly head: Position;
}

export interface RunningTailer extends RecordingSink {
  /** How often the loop broke off. */
  readonly restarts: () => number;
  readonly health: () => Health;
  /** Settles as the run does. */
  readonly ended: Promise<void>;
  /** Waits until it has read up to a position. */
  whenAt(id: StreamId): Promise<void>;
  /** Waits for a reset beyond so many, and gives it. */
  whenReset(count: number): Promise<Reset>;
  /** Stops it and waits for its end; may be called twice. */
  stop(): Promise<void>;
}

/** Keeps what it is given, and fails on what no sink may be given. */
class RecordingSink implements FeedSink {
  readonly resets: Reset[] = [];
  /** Ids of the changes since the last reset, those that it began with first. */
  ids: StreamId[] = [];
  head: Position | undefined;
  /** Whether the positions of one history went back, or a change came twice. */
  faults: string[] = [];
  readonly #onSink: () => void;

  constructor(onSink: () => void) {
    this.#onSink = onSink;
  }

  reset(entries: readonly FeedEntry[], floor: StreamId, head: Position, cause: ResetCause): void {
    const ids = entries.map(({ id }) => id);
    this.resets.push({ cause, ids, floor, head });
    this.ids = ids;
    this.head = head;
    this.#onSink();
  }

  advance(entries: readonly FeedEntry[], head: Position): void {
    if (head.epoch !== this.head?.epoch) this.faults.push(`epoch ${head.epoch} without a reset`);
    this.ids.push(...entries.map(({ id }) => id));
    this.head = head;
    this.#onSink();
  }
}

/** Runs a tailer with connections of its own, as the program does, until the test ends. */
export async function runTailer(url: string, options: Options = {}): Promise<RunningTailer> {
  let restarts = 0;
  const asServer = asUser(url, 'server');
  const connection = (name: string) => ({ url: asServer, name, onError: () => undefined });
  const redis = connectForCommands(connection('commands'));
  // Redis being away at start is no error.
  await redis.connect().catch(() => undefined);
  const sink = new RecordingSink(options.onSink ?? (() => {}));
  const service = new TailerService({
    reader: new FeedReader(redis, KEYS),
    connection: {
      ...connection('doorbell'),
      ...(options.doorbellUrl !== undefined && { url: asUser(options.doorbellUrl, 'server') }),
    },
    keys: KEYS,
    sink,
    replayLimit: options.replayLimit ?? 100,
    createEpoch: () => randomBytes(8).toString('hex'),
    observer: {
      onReset: () => undefined,
      onRestart: () => {
        restarts += 1;
      },
    },
    logger: pino({ level: 'silent' }),
  });
  const stopping = new AbortController();
  const ended = service.run(stopping.signal).finally(() => redis.disconnect());
  const stop = async () => {
    stopping.abort();
    await ended;
  };
  onTestFinished(async () => {
    await stop().catch(() => undefined);
    expect(sink.faults).toEqual([]);
  });
  return Object.assign(sink, {
    restarts: () => restarts,
    health: () => service.health(),
    ended,
    whenAt: async (id: StreamId) => {
      await eventually(() => expect(sink.head?.id).toBe(id));
    },
    whenReset: async (count: number) =>
      await eventually(() => {
        const reset = sink.resets[count - 1];
        if (reset === undefined) throw new Error(`only ${sink.resets.length} resets`);
        return reset;
      }),
    stop,
  });
}
