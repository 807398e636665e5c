import { laterStreamId, STREAM_START, type StreamId } from '@tasktrail/contract';
import type { Logger } from 'pino';
import { BlockingReader, LONGEST_READ_MS, LONGEST_WAIT_MS } from '../redis/blocking-reader.ts';
import type { ConnectionOptions } from '../redis/connections.ts';
import type { Keys } from '../redis/keys.ts';
import { logTrouble } from '../redis/trouble.ts';
import { LoopWatch } from '../runtime/loop-watch.ts';
import { retryUntilAborted } from '../runtime/retry.ts';
import type { Health, HealthCheck, Service } from '../runtime/service.ts';
import { beginFrom, judgeContinuity, type KnownHistory } from './continuity.ts';
import type { FeedReader, FeedReading } from './feed-reader.ts';
import type { FeedSink, ResetCause, TailerObserver } from './tailer.ts';

export interface TailerOptions {
  readonly reader: FeedReader;
  /** Of the doorbell, which is a connection of its own. */
  readonly connection: ConnectionOptions;
  readonly keys: Keys;
  readonly sink: FeedSink;
  /** Changes that the sink is filled with. */
  readonly replayLimit: number;
  /** Makes a new epoch: lower-case letters and digits, 32 at most, never the same one twice. */
  readonly createEpoch: () => string;
  readonly observer: TailerObserver;
  readonly logger: Logger;
}

/** Changes per read at most: what one turn of the loop may hold in memory. */
const READ_COUNT = 200;
/** The loop turns at least this often, or something in it hangs. */
const LOOP_BOUND_MS = LONGEST_READ_MS + 1000;

/**
 * The loop: read with proof until there is nothing more, then wait for the doorbell, behind which the
 * next read with proof is already sent. What is known of the history outlives a broken connection, so
 * that the first read after it is the proof.
 */
export class TailerService implements Service, HealthCheck {
  readonly name = 'tailer';
  readonly #options: TailerOptions;
  readonly #loop = new LoopWatch(LOOP_BOUND_MS);
  #known: KnownHistory | undefined;
  /** When it read on the connection that is also written to. */
  #askedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: TailerOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { logger, observer } = this.#options;
    await retryUntilAborted((inner) => this.#follow(inner), signal, {
      minMs: 50,
      maxMs: 1000,
      onFailure: (err, attempt, waitMs) => {
        this.#loop.fail(err);
        observer.onRestart();
        logTrouble(logger, err, { attempt, waitMs }, 'the tailer is interrupted');
      },
    });
  }

  health(): Health {
    return this.#loop.health({ epoch: this.#known?.epoch ?? null });
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { connection } = this.#options;
    using doorbell = await BlockingReader.open(connection, signal);
    let rung: FeedReading | undefined;
    while (!signal.aborted) {
      const known = this.#known;
      const isMore =
        known === undefined
          ? await this.#begin('start')
          : await this.#goOn(known, await this.#read(known, rung));
      // It does not work before there is something that it follows.
      if (this.#known !== undefined) this.#loop.turn();
      rung = isMore ? undefined : await this.#untilRung(doorbell);
    }
  }

  /**
   * What was read behind the doorbell, where that goes on with what is known. What else it may say is
   * asked of Redis on the connection that is also written to, and so is everything about once a second:
   * the doorbell's may be to a server that was failed over, where something or nothing still happens.
   *
   * @throws OtherRedisError when the two disagree, so that a new doorbell is connected
   */
  async #read(known: KnownHistory, rung: FeedReading | undefined): Promise<FeedReading> {
    const isContinued = ({ stored }: FeedReading) =>
      judgeContinuity(known, stored).kind === 'continued';
    const isTrusted = rung !== undefined && isContinued(rung);
    const nowMs = performance.now();
    if (isTrusted && nowMs - this.#askedAtMs < LONGEST_WAIT_MS) return rung;
    this.#askedAtMs = nowMs;
    const reading = await this.#options.reader.readAfter(known.last, READ_COUNT);
    if (rung !== undefined && !isTrusted && isContinued(reading)) throw new OtherRedisError();
    return reading;
  }

  /** What there is once the doorbell rings; undefined where it did not. */
  async #untilRung(doorbell: BlockingReader): Promise<FeedReading | undefined> {
    const { reader, keys } = this.#options;
    const last = this.#known?.last;
    return await doorbell.readThen(keys.updates, last ?? STREAM_START, (redis) =>
      reader.readAfter(last, READ_COUNT, redis),
    );
  }

  /** Goes on by what was read, once it is proven; whether there may be more. */
  async #goOn(known: KnownHistory, reading: FeedReading): Promise<boolean> {
    const { reader, createEpoch, logger } = this.#options;
    const continuity = judgeContinuity(known, reading.stored);
    switch (continuity.kind) {
      case 'continued':
        if (reading.corrupt === undefined) return this.#advance(known, reading);
        // One entry that something else wrote must not stop every server for good.
        logger.error({ err: reading.corrupt }, 'stepping over a change that cannot be read');
        return this.#begin('resync', known.epoch);
      case 'lost':
        logger.error({ known, stored: reading.stored }, 'history was lost, opening a new epoch');
        await reader.replaceEpoch(reading.stored.epoch, createEpoch(), known.epoch);
        // Read again: what is followed next must prove itself, whoever put it there.
        return true;
      case 'replaced':
        return this.#begin('epoch', reading.stored.epoch);
      case 'unproven':
        return this.#begin('resync', known.epoch);
    }
  }

  #advance(known: KnownHistory, { entries, stored }: FeedReading): boolean {
    const last = entries.at(-1)?.id ?? known.last;
    const isMore = entries.length === READ_COUNT;
    // Only a read to the end shows that the events up to the checkpoint changed nothing further.
    const readUpTo = isMore ? last : stored.checkpoint;
    const head = laterStreamId(known.head, latest(readUpTo, last));
    // Known only once it is delivered: what was not is read again.
    this.#options.sink.advance(entries, { epoch: known.epoch, id: head });
    this.#known = { ...known, last, head };
    return isMore;
  }

  /**
   * Fills the sink from the end of the feed; whether that must be tried again, because the epoch
   * is another meanwhile or was only just made.
   */
  async #begin(cause: ResetCause, judged?: string): Promise<boolean> {
    const { reader, replayLimit, sink, createEpoch, observer, logger } = this.#options;
    const { epoch, tail } = await reader.readTail(replayLimit + 1);
    if (cause !== 'start' && epoch !== judged) return true;
    if (epoch === undefined) {
      await reader.replaceEpoch(undefined, createEpoch(), undefined);
      return true;
    }
    const { trimmed, head } = tail;
    const { entries, floor } = beginFrom(tail, replayLimit);
    sink.reset(entries, floor, { epoch, id: head }, cause);
    this.#known = { epoch, last: tail.newest, trimmed, head };
    observer.onReset(cause);
    logger.info({ cause, epoch, head, changes: entries.length }, 'following the feed');
    return false;
  }
}

function latest(a: StreamId | undefined, b: StreamId | undefined): StreamId {
  return laterStreamId(a ?? STREAM_START, b ?? STREAM_START);
}

/** The doorbell is at another server than the one that is read and written. */
class OtherRedisError extends Error {
  override readonly name = 'OtherRedisError';

  constructor() {
    super(
      'the blocking connection is to another Redis than the one for commands: connecting it again',
    );
  }
}
