import type { Health } from './service.ts';

/**
 * Watches a loop, not its socket: a starved blocking read keeps its connection, and a ping on
 * another one stays green throughout. The loop counts as working while its last turn is recent and
 * nothing failed since.
 */
export class LoopWatch {
  readonly #boundMs: number;
  #lastTurnMs: number | undefined;
  #failure: string | undefined;

  /** @param boundMs the longest time between two turns of a loop that works */
  constructor(boundMs: number) {
    this.#boundMs = boundMs;
  }

  /** The loop has come round. */
  turn(): void {
    this.#lastTurnMs = performance.now();
    this.#failure = undefined;
  }

  /** The loop broke off; it does not work until its next turn. */
  fail(error: unknown): void {
    this.#failure = codeOf(error);
  }

  health(details: Readonly<Record<string, unknown>> = {}): Health {
    const idleMs =
      this.#lastTurnMs === undefined ? undefined : Math.round(performance.now() - this.#lastTurnMs);
    const isTurning = idleMs !== undefined && idleMs <= this.#boundMs;
    return {
      ready: isTurning && this.#failure === undefined,
      details: {
        ...details,
        idleMs,
        ...(this.#failure === undefined ? {} : { failure: this.#failure }),
      },
    };
  }
}

/**
 * What anybody may read of an error on a probe: its name, or the code that a reply of Redis begins
 * with. A message may hold addresses and ids of tasks; it is in the log.
 */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return /^[A-Z]{4,}\b/.exec(error.message)?.[0] ?? error.name;
}
