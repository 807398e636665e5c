import type { Logger } from 'pino';
import { DeadlineError } from '../runtime/deadline.ts';
import { Reminders } from '../runtime/reminders.ts';
import { RedisConnectionError } from './connection-failure.ts';
import { isRefused } from './refused.ts';

/**
 * ioredis' words for a connection that is not there now, and Redis' for not being ready itself, or for
 * not knowing us: a password that is being rotated, or a user that is about to be made.
 */
const AWAY =
  /^(Stream isn't writeable|Connection is closed|Connection lost|connect E|read E|write E|Socket timeout|Reached the max retries|LOADING|BUSY |UNBLOCKED|READONLY|MASTERDOWN|NOAUTH|WRONGPASS)|ECONNREFUSED/;

/**
 * Codes of answers that Redis gives again however often it is asked: another type of key, no
 * permission, a command that it does not know or take, and what our own scripts refuse. All others
 * pass or may pass, and those to come: LOADING, READONLY, OOM, MISCONF, NOREPLICAS, BUSY, NOAUTH,
 * and EXECABORT, whose cause is any of these.
 */
const LASTING = new Set(['WRONGTYPE', 'NOPERM', 'ERR', 'BADENTRY', 'OTHERLAYOUT']);

/** Errors of a program, which no waiting mends. */
const DEFECTS = [TypeError, RangeError, ReferenceError, SyntaxError];

/** Whether to try again what failed with this may help. What is not known counts as passing. */
export function judgeFailure(error: unknown): 'passes' | 'lasts' {
  if (!(error instanceof Error)) return 'lasts';
  if (isAnswer(error)) return LASTING.has(codeOf(error)) ? 'lasts' : 'passes';
  return DEFECTS.some((Defect) => error instanceof Defect) ? 'lasts' : 'passes';
}

/** Whether Redis is there and answers that it cannot do this now: it is full, or writes nothing. */
export function isRefusedForNow(error: unknown): error is Error {
  return error instanceof Error && isAnswer(error) && judgeFailure(error) === 'passes';
}

/** By its name, since ioredis exports no class of it. */
function isAnswer({ name }: Error): boolean {
  return name === 'ReplyError';
}

function codeOf({ message }: Error): string {
  return message.split(' ', 1)[0] ?? '';
}

/**
 * Whether an error says of itself that Redis is away, which its being back mends: what is then told
 * in one line.
 */
export function isRedisAway(error: unknown): boolean {
  return (
    error instanceof DeadlineError ||
    error instanceof RedisConnectionError ||
    (error instanceof Error && AWAY.test(error.message))
  );
}

/** What was logged lately, for each log. */
const REMINDERS = new WeakMap<Logger, Reminders>();

/**
 * Logs why a loop breaks off: one line where Redis is away or refuses, since neither is a defect, and
 * none while that only goes on; everything that is known of anything else.
 */
export function logTrouble(logger: Logger, err: unknown, details: object, what: string): void {
  const reason = err instanceof Error ? err.message : String(err);
  const isAway = isRedisAway(err);
  if (!isAway && !isRefused(err) && !isRefusedForNow(err)) {
    logger.error({ err, ...details }, `${what}, trying again`);
    return;
  }
  const reminders = REMINDERS.get(logger) ?? new Reminders();
  REMINDERS.set(logger, reminders);
  if (!reminders.isDue(`${what}: ${reason}`, performance.now())) return;
  const line = { reason, ...details };
  if (isAway) logger.warn(line, `${what}: Redis is away, trying again`);
  else logger.error(line, `${what}: Redis refuses it, trying again`);
}
