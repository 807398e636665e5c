import type { Logger } from 'pino';
import { DeadlineError } from '../runtime/deadline.ts';

/** ioredis' words for a connection that is not there now, and Redis' for not being ready itself. */
const AWAY =
  /^(Stream isn't writeable|Connection is closed|Connection lost|connect E|read E|write E|Socket timeout|Reached the max retries|LOADING|UNBLOCKED|READONLY|MASTERDOWN)|ECONNREFUSED/;

/** Whether an error only says that Redis is away, which its being back mends. */
export function isRedisAway(error: unknown): boolean {
  return error instanceof DeadlineError || (error instanceof Error && AWAY.test(error.message));
}

/**
 * Logs why a loop breaks off: one line where Redis is away, since that is no defect and there will
 * be many of them, and everything that is known of anything else.
 */
export function logTrouble(logger: Logger, err: unknown, details: object, what: string): void {
  if (isRedisAway(err)) {
    const reason = err instanceof Error ? err.message : String(err);
    logger.warn({ reason, ...details }, `${what}: Redis is away, trying again`);
  } else {
    logger.error({ err, ...details }, `${what}, trying again`);
  }
}
