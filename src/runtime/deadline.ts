/** Something took longer than it may. Whether it happened nevertheless is unknown. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
  readonly afterMs: number;

  constructor(what: string, afterMs: number) {
    super(`${what} gave no answer within ${afterMs} ms`);
    this.afterMs = afterMs;
  }
}

/**
 * Waits for a promise, but no longer than `ms`. The work itself goes on: the caller must throw
 * away whatever it runs on.
 *
 * @throws DeadlineError when time is up
 */
export async function withDeadline<T>(work: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DeadlineError(what, ms)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
