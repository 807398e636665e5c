/** Everything this package rejects with is a ProducerError. */
export class ProducerError extends Error {
  override readonly name: string = 'ProducerError';
}

/** The event is not valid, so nothing was sent. Appending it again fails again. */
export class InvalidEventError extends ProducerError {
  override readonly name = 'InvalidEventError';
  /** The field at fault, such as `actor.provider`; empty when it is the event as a whole. */
  readonly field: string;
  readonly reason: string;

  constructor(field: string, reason: string) {
    super(`the event is not valid: ${field === '' ? '' : `${field}: `}${reason}`);
    this.field = field;
    this.reason = reason;
  }
}

/** Redis is away or too slow for so long that the buffer is full. Nothing was sent. */
export class BufferFullError extends ProducerError {
  override readonly name = 'BufferFullError';
  readonly limit: number;
  readonly unit: 'events' | 'bytes';

  constructor(limit: number, unit: 'events' | 'bytes') {
    const option = unit === 'events' ? 'maxBufferedEvents' : 'maxBufferedBytes';
    super(
      `the buffer is full: ${limit} ${unit} wait for Redis. ` +
        `Await waitForRoom() before appending, or raise ${option}`,
    );
    this.limit = limit;
    this.unit = unit;
  }
}

const REMEDIES: Readonly<Record<string, string>> = {
  WRONGTYPE: 'The key holds something else: is this the right Redis?',
  NOPERM: 'Let this user of Redis run XADD on task-events:v1, as tasktrail-producer may.',
};

/** Redis answered that this event cannot be appended, and asking again would not help. */
export class AppendRefusedError extends ProducerError {
  override readonly name = 'AppendRefusedError';
  /** The first word of Redis' answer: `WRONGTYPE`, `NOPERM`, `ERR`. */
  readonly code: string;
  readonly executionId: string;

  constructor(code: string, executionId: string, cause: Error) {
    const remedy = REMEDIES[code] ?? 'Is this Redis or Valkey, 7.0 or newer?';
    super(`Redis refused an event of ${executionId}: ${cause.message}. ${remedy}`, { cause });
    this.code = code;
    this.executionId = executionId;
  }
}

/** No loss, and given to `onRetry` only: the waiting events are tried again after `waitMs`. */
export class AppendDelayedError extends ProducerError {
  override readonly name = 'AppendDelayedError';
  readonly waitMs: number;
  readonly bufferedEvents: number;

  constructor(waitMs: number, bufferedEvents: number, cause: Error) {
    super(
      `Redis cannot append now (${cause.message}); ` +
        `${bufferedEvents} event(s) wait, next attempt in ${waitMs} ms`,
      { cause },
    );
    this.waitMs = waitMs;
    this.bufferedEvents = bufferedEvents;
  }
}

/** The producer was closed before Redis had confirmed these events. */
export class NotSentError extends ProducerError {
  override readonly name = 'NotSentError';
  /** How many events were not confirmed. Those that were on their way may have arrived. */
  readonly unsent: number;

  constructor(unsent: number, timeoutMs: number) {
    super(
      `${unsent} event(s) were not confirmed by Redis within ${timeoutMs} ms of closing. ` +
        'Give close() more time, or append them again: with eventIds of your own none counts twice',
    );
    this.unsent = unsent;
  }
}

export class ProducerClosedError extends ProducerError {
  override readonly name = 'ProducerClosedError';

  constructor() {
    super('this producer is closed: append before close(), or make another one');
  }
}

/** A run's methods were called in an order that makes no sense, such as update after the end. */
export class RunStateError extends ProducerError {
  override readonly name = 'RunStateError';
  readonly executionId: string;
  readonly state: string;
  readonly action: string;

  constructor(executionId: string, state: string, action: string, possible: readonly string[]) {
    super(
      `cannot ${action} the run ${executionId}, which is ${state}; ` +
        `possible now: ${possible.join(', ')}`,
    );
    this.executionId = executionId;
    this.state = state;
    this.action = action;
  }
}
