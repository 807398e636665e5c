import type { StreamId } from '@tasktrail/contract';
import {
  type AppendInput,
  InvalidEventError,
  NotSentError,
  ProducerClosedError,
  TaskProducer,
} from '@tasktrail/producer';
import { parseRedisUrl } from '../redis/redis-url.ts';
import {
  type EmitFlags,
  eventFromFlags,
  eventFromLine,
  withoutCredentials,
} from './emit-events.ts';

/** `tasktrail emit`: appends one event from flags, or one for each line of NDJSON. */
export interface EmitIo {
  readonly redisUrl: string;
  /** Read only when there are no flags, and only as fast as Redis takes the events. */
  readonly lines: AsyncIterable<string>;
  /** Takes a line of output, without its end. */
  readonly write: (line: string) => void;
  readonly writeError: (line: string) => void;
  /** Stops reading; what has been read is still appended. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds without any progress after which it gives up. Default 10 000. */
  readonly giveUpMs?: number | undefined;
}

/** Events on their way at once. */
const MAX_BUFFERED_EVENTS = 1000;

/**
 * Resolves with the exit code: 0 when every event was appended, 1 when one was not, 2 when the
 * flags state no valid event. Rejects when reading the lines does.
 */
export async function runEmit(flags: EmitFlags, io: EmitIo): Promise<number> {
  await using emission = new Emission(io);
  const event = eventFromFlags(flags);
  if (event === undefined) await emission.appendLines();
  else await emission.append(event, undefined);
  emission.report();
  if (emission.failed === 0) return 0;
  return event !== undefined && emission.invalid > 0 ? 2 : 1;
}

/** One call of `emit`: what is on its way, what came of it, and when to give up. */
class Emission implements AsyncDisposable {
  failed = 0;
  invalid = 0;
  readonly #io: EmitIo;
  readonly #giveUpMs: number;
  readonly #place: string;
  readonly #producer: TaskProducer;
  readonly #stop = new AbortController();
  readonly #pending = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  /** Why Redis does not append at present. */
  #trouble: string | undefined;
  #unconfirmed = 0;
  #linesRead = 0;
  #isCutOff = false;

  constructor(io: EmitIo) {
    this.#io = io;
    this.#giveUpMs = io.giveUpMs ?? 10_000;
    this.#place = withoutCredentials(io.redisUrl);
    this.#producer = new TaskProducer({
      redis: parseRedisUrl(io.redisUrl),
      maxBufferedEvents: MAX_BUFFERED_EVENTS,
      // The promise of every event is looked at.
      onError: () => {},
      onRetry: ({ cause }) => this.#delayed(cause instanceof Error ? cause.message : 'no answer'),
    });
    if (io.signal?.aborted) this.#stop.abort();
    else io.signal?.addEventListener('abort', () => this.#stop.abort(), { once: true });
  }

  async appendLines(): Promise<void> {
    for await (const text of untilAborted(this.#io.lines, this.#stop.signal)) {
      this.#linesRead += 1;
      if (text.trim() === '') continue;
      const event = eventFromLine(text);
      if (event === undefined) {
        this.#fail(this.#linesRead, 'is no JSON object');
        continue;
      }
      await this.#producer.waitForRoom();
      const appending = this.append(event, this.#linesRead).finally(() =>
        this.#pending.delete(appending),
      );
      this.#pending.add(appending);
    }
    this.#isCutOff = this.#stop.signal.aborted;
    await Promise.all(this.#pending);
  }

  /** Appends an event and says what came of it; a failure is counted. */
  async append(event: AppendInput, line: number | undefined): Promise<void> {
    const appending = this.#producer.append(event);
    if (this.#timer === undefined) this.#awaitProgress();
    try {
      this.#confirmed(await appending, line);
    } catch (error) {
      this.#failed(error, line);
    }
    if (this.#producer.bufferedEvents === 0) this.#rest();
  }

  /** Says what was left undone. */
  report(): void {
    if (this.#unconfirmed === 0) return;
    const rest = this.#isCutOff ? `; lines after ${this.#linesRead} were not read` : '';
    this.#io.writeError(
      `gave up: ${this.#place} confirmed nothing for ${this.#giveUpMs} ms ` +
        `(${this.#trouble ?? 'no answer'}). ${this.#unconfirmed} event(s) were not ` +
        `appended${rest}. Start Redis, or correct TASK_TRACKING_REDIS_URL, and run this again`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#producer.close().catch(() => {});
    this.#rest();
  }

  #confirmed(id: StreamId, line: number | undefined): void {
    this.#trouble = undefined;
    this.#awaitProgress();
    this.#io.write(line === undefined ? id : JSON.stringify({ line, id }));
  }

  #failed(error: unknown, line: number | undefined): void {
    if (error instanceof NotSentError || error instanceof ProducerClosedError) {
      this.failed += 1;
      this.#unconfirmed += 1;
    } else if (error instanceof InvalidEventError) {
      this.invalid += 1;
      this.#fail(line, error.field === '' ? error.reason : `${error.field}: ${error.reason}`);
    } else {
      this.#awaitProgress();
      this.#fail(line, error instanceof Error ? error.message : String(error));
    }
  }

  #fail(line: number | undefined, problem: string): void {
    this.failed += 1;
    this.#io.writeError(line === undefined ? problem : `line ${line}: ${problem}`);
  }

  #delayed(reason: string): void {
    if (this.#trouble === undefined) {
      this.#io.writeError(`${this.#place} cannot append now (${reason}); trying again`);
    }
    this.#trouble = reason;
  }

  #awaitProgress(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#stop.abort();
      this.#producer.close(0).catch(() => {});
    }, this.#giveUpMs);
  }

  #rest(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** Ends when the signal aborts, even while the source has nothing to give. */
async function* untilAborted<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  const END = { done: true, value: undefined } as const;
  let stop: (end: typeof END) => void = () => {};
  signal.addEventListener('abort', () => stop(END), { once: true });
  try {
    while (!signal.aborted) {
      const result = await new Promise<IteratorResult<T>>((resolve, reject) => {
        stop = resolve;
        iterator.next().then(resolve, reject);
      });
      if (result.done) return;
      yield result.value;
    }
  } finally {
    // Not awaited: a source that waits for input would answer only after the next line.
    iterator.return?.()?.catch(() => {});
  }
}
