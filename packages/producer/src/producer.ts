import { setTimeout as delay } from 'node:timers/promises';
import { EVENTS_STREAM, MAX_ENTRY_BYTES, type StreamId } from '@tasktrail/contract';
import { type Connection, connectionTo } from './connection.ts';
import { type AppendInput, type Entry, toEntry } from './entry.ts';
import {
  AppendDelayedError,
  AppendRefusedError,
  BufferFullError,
  NotSentError,
  ProducerClosedError,
  type ProducerError,
} from './errors.ts';
import { type ProducerOptions, withDefaults } from './options.ts';
import { Outbox } from './outbox.ts';
import { judgeReply, plainError } from './replies.ts';
import { Run, type RunOptions } from './run.ts';

/** A pipeline stays small enough to be answered well within the time that an answer may take. */
const MAX_BATCH_EVENTS = 500;
const MAX_BATCH_BYTES = 256 * 1024;
const MIN_RETRY_MS = 50;
const MAX_RETRY_MS = 1000;

interface Waiting extends Entry {
  readonly appended: Promise<StreamId>;
  resolve(id: StreamId): void;
  reject(error: ProducerError): void;
}

/**
 * Appends task events. It buffers them, sends what has come together in one pipeline at a time, and
 * sends again what was not confirmed, with the same event id, until it was appended or `close` gave
 * up. An event whose confirmation was lost may so be in the stream twice; where events are applied,
 * the second copy changes nothing. Events of one execution keep their order; it never trims.
 *
 * The promises of `append` may be ignored: they never become unhandled rejections.
 */
export class TaskProducer implements AsyncDisposable {
  readonly #settings: ReturnType<typeof withDefaults>;
  readonly #connection: Connection;
  readonly #outbox: Outbox<Waiting>;
  readonly #giveUp = new AbortController();
  #pumping: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #roomWaiters: (() => void)[] = [];

  /** @throws ProducerError when `options.redis` cannot be used. It connects only when needed. */
  constructor(options: ProducerOptions) {
    this.#settings = withDefaults(options);
    this.#connection = connectionTo(options.redis, this.#settings.answerTimeoutMs);
    this.#outbox = new Outbox({
      maxEvents: this.#settings.maxBufferedEvents,
      maxBytes: this.#settings.maxBufferedBytes,
      maxBatchEvents: MAX_BATCH_EVENTS,
      maxBatchBytes: MAX_BATCH_BYTES,
    });
  }

  /** Events that Redis has not confirmed yet. */
  get bufferedEvents(): number {
    return this.#outbox.size;
  }

  /**
   * Appends an event, and resolves with the id of its entry once Redis has confirmed it.
   *
   * Rejects at once with InvalidEventError, BufferFullError or ProducerClosedError, and then
   * nothing was sent; later with AppendRefusedError, or NotSentError when `close` gave up.
   */
  append(event: AppendInput): Promise<StreamId> {
    return this.#reported(() => this.#buffer(event));
  }

  /** A handle on one execution, which knows its state and its attempt. Nothing is sent yet. */
  run(options: RunOptions): Run {
    return new Run(options, {
      append: (event) => this.#buffer(event),
      reported: (appending) => this.#reported(appending),
    });
  }

  /** Resolves when another event may be appended, or when the producer was closed. For bulk. */
  async waitForRoom(): Promise<void> {
    while (this.#closing === undefined && this.#outbox.limitFor(MAX_ENTRY_BYTES) !== undefined) {
      await new Promise<void>((resolve) => this.#roomWaiters.push(resolve));
    }
  }

  /**
   * Resolves once every event that is buffered now is confirmed, however long that takes. When one
   * of them was not appended, rejects with the first error after all of them have been settled.
   */
  async flush(): Promise<void> {
    const results = await Promise.allSettled(this.#outbox.waiting().map((e) => e.appended));
    const failure = results.find((result) => result.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
  }

  /**
   * Takes no more events, waits for those that are buffered, and closes the connection that it
   * opened. What is not confirmed within `timeoutMs` rejects with NotSentError, and so does this.
   * Further calls give the same promise.
   */
  close(timeoutMs: number = this.#settings.closeTimeoutMs): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = this.#close(timeoutMs);
      // Every event at fault is reported; who does not wait for the end need not hear it again.
      this.#closing.catch(() => {});
    }
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Throws what is wrong now; what goes wrong later rejects. */
  #buffer(event: AppendInput): Promise<StreamId> {
    if (this.#closing !== undefined) throw new ProducerClosedError();
    const { now, newEventId, maxBufferedEvents, maxBufferedBytes } = this.#settings;
    const occurredAt = new Date(now()).toISOString();
    const entry = toEntry(event, { occurredAt, eventId: newEventId() });
    const unit = this.#outbox.limitFor(entry.bytes);
    if (unit !== undefined) {
      throw new BufferFullError(unit === 'events' ? maxBufferedEvents : maxBufferedBytes, unit);
    }
    let resolve: Waiting['resolve'] = () => {};
    let reject: Waiting['reject'] = () => {};
    const appended = new Promise<StreamId>((onResolve, onReject) => {
      resolve = onResolve;
      reject = onReject;
    });
    this.#outbox.add({ ...entry, appended, resolve, reject });
    this.#pumping ??= this.#pump();
    return appended;
  }

  /** Every failure reaches onError, and none becomes an unhandled rejection. */
  #reported(appending: () => Promise<StreamId>): Promise<StreamId> {
    const appended = (async () => appending())();
    appended.catch((error: ProducerError) => this.#settings.onError(error));
    return appended;
  }

  async #pump(): Promise<void> {
    // What is appended in one turn goes out together.
    await Promise.resolve();
    let failures = 0;
    while (this.#outbox.size > 0) {
      const failure = await this.#sendBatch();
      if (this.#giveUp.signal.aborted) break;
      this.#tellOfRoom();
      if (failure === undefined) {
        failures = 0;
        continue;
      }
      failures += 1;
      this.#connection.reset();
      const waitMs = backoffMs(failures, this.#settings.random);
      const delayed = new AppendDelayedError(waitMs, this.#outbox.size, failure);
      // Apart, so that an error of the callback's own does not end the retries.
      queueMicrotask(() => this.#settings.onRetry(delayed));
      await delay(waitMs, undefined, { signal: this.#giveUp.signal }).catch(() => {});
    }
    this.#pumping = undefined;
  }

  /** Sends a batch and settles what can be settled; returns why something has to be sent again. */
  async #sendBatch(): Promise<Error | undefined> {
    const batch = this.#outbox.nextBatch();
    const commands = batch.map(({ pairs }) => ['xadd', EVENTS_STREAM, '*', ...pairs]);
    let failure: Error | undefined;
    const replies = await this.#connection.send(commands).catch((error: unknown) => {
      failure = plainError(error);
      return [];
    });
    for (const [index, event] of batch.entries()) {
      const verdict = judgeReply(replies[index] ?? [failure ?? new Error('no answer')]);
      if (verdict.kind === 'retry') {
        failure ??= verdict.error;
        continue;
      }
      this.#outbox.settle(event);
      if (verdict.kind === 'appended') event.resolve(verdict.id);
      else event.reject(new AppendRefusedError(verdict.code, event.executionId, verdict.error));
    }
    return failure;
  }

  async #close(timeoutMs: number): Promise<void> {
    const timer = new AbortController();
    const deadline = delay(timeoutMs, undefined, { signal: timer.signal }).catch(() => {});
    await Promise.race([this.#pumping, deadline]);
    timer.abort();
    this.#giveUp.abort();
    const unsent = this.#outbox.drain();
    const error = new NotSentError(unsent.length, timeoutMs);
    for (const event of unsent) event.reject(error);
    this.#tellOfRoom();
    await this.#connection.close();
    if (unsent.length > 0) throw error;
  }

  #tellOfRoom(): void {
    for (const resolve of this.#roomWaiters.splice(0)) resolve();
  }
}

/** Half of the exponential wait is fixed and half is random, so that producers spread. */
function backoffMs(failures: number, random: () => number): number {
  const full = Math.min(MAX_RETRY_MS, MIN_RETRY_MS * 2 ** (failures - 1));
  return Math.round(full / 2 + (full / 2) * random());
}
