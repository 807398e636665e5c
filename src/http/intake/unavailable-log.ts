import type { Logger } from 'pino';
import type { IntakeSource, IntakeUnavailableError } from '../../intake/intake.ts';

const INTERVAL_MS = 1000;

/**
 * Logs why nothing can be appended now: not for every request, since an outage refuses thousands of
 * them for the same reason.
 */
export class UnavailableLog {
  readonly #monotonicMs: () => number;
  #nextAtMs = Number.NEGATIVE_INFINITY;

  constructor(monotonicMs: () => number = () => performance.now()) {
    this.#monotonicMs = monotonicMs;
  }

  tell(logger: Logger, source: IntakeSource, { message, cause }: IntakeUnavailableError): void {
    const nowMs = this.#monotonicMs();
    if (nowMs < this.#nextAtMs) return;
    this.#nextAtMs = nowMs + INTERVAL_MS;
    const reason = cause instanceof Error ? cause.message : message;
    logger.warn({ source, reason }, 'nothing can be appended now');
  }
}
