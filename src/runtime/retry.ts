import { setTimeout as delay } from 'node:timers/promises';

/** A failure that trying again cannot mend. It ends the retrying service, and so the process. */
export class FatalError extends Error {
  override readonly name = 'FatalError';
}

export interface RetryOptions {
  /** The first wait in milliseconds; each further one doubles. */
  readonly minMs: number;
  /** The longest wait in milliseconds. */
  readonly maxMs: number;
  readonly onFailure: (error: unknown, attempt: number, waitMs: number) => void;
  /** 0 ≤ r < 1; a parameter so that tests are repeatable. */
  readonly random?: () => number;
}

/**
 * Runs `task` again and again until the signal aborts. It is called anew when it rejects, after a
 * jittered wait, and at once when it resolves; a call that lasted longer than `maxMs` starts the
 * waits afresh. Resolves on abort; rejects with a `FatalError` of the task.
 */
export async function retryUntilAborted(
  task: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
  options: RetryOptions,
): Promise<void> {
  let attempt = 0;
  while (!signal.aborted) {
    const startedAt = performance.now();
    try {
      await task(signal);
      attempt = 0;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof FatalError) throw error;
      attempt = performance.now() - startedAt > options.maxMs ? 1 : attempt + 1;
      const waitMs = backoffMs(attempt, options);
      options.onFailure(error, attempt, waitMs);
      await sleep(waitMs, signal);
    }
  }
}

/** Half of the exponential wait is fixed and half is random, so that replicas spread. */
function backoffMs(attempt: number, options: Omit<RetryOptions, 'onFailure'>): number {
  const full = Math.min(options.maxMs, options.minMs * 2 ** (attempt - 1));
  return Math.round(full / 2 + (full / 2) * (options.random ?? Math.random)());
}

/** Waits; resolves early when the signal aborts. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}
