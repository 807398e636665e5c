/**
 * The two times of a process. The clock on the wall says what other machines can be told, and is set
 * back and forth; only the other one measures how long something lasts.
 */
export interface Clock {
  /** Milliseconds since 1970. */
  readonly wallMs: () => number;
  /** Milliseconds since some moment; never goes back. */
  readonly monotonicMs: () => number;
}

export const MACHINE_CLOCK: Clock = {
  wallMs: Date.now,
  monotonicMs: () => performance.now(),
};
