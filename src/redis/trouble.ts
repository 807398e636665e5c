import type { Logger } from 'pino';
import { DeadlineError } from '../runtime/deadline.ts';

/** ioredis' words for a connection that is not there now, and Redis' for not being ready itself. */
const AWAY =
  /^(Stream isn't writeable|Connection is closed|Connection lost|connect E|read E|write E|Socket timeout|Reached the max retries|LOADING|UNBLOCKED|READONLY|MASTERDOWN)|ECONNREFUSED/;

/**
 * Codes of answers that Redis gives again however often it is asked: another type of key, no
 * permission, a command that it does not know or take, and what our own scripts refuse. All others
 * pass or may pass, and those to come: LOADING, READONLY, OOM, MISCONF, NOREPLICAS, BUSY, NOAUTH,
 * and EXECABORT, whose cause is any of these.
 */
const LASTING = new Set(['WRONGTYPE', 'NOPERM', 'ERR', 'BADENTRY']);

/** Errors of a program, which no waiting mends. */
const DEFECTS = [TypeError, RangeError, ReferenceError, SyntaxError];

/** Whether to try again what failed with this may help. What is not known counts as passing. */
export function judgeFailure(error: unknown): 'passes' | 'lasts' {
  if (!(error instanceof Error)) return 'lasts';
  if (error.name === 'ReplyError') return LASTING.has(codeOf(error)) ? 'lasts' : 'passes';
  return DEFECTS.some((Defect) => error instanceof Defect) ? 'lasts' : 'passes';
}

function codeOf({ message }: Error): string {
  return message.split(' ', 1)[0] ?? '';
}

/**
 * Whether an error says of itself that Redis is away, which its being back mends: what is then told
 * in one line.
 */
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
