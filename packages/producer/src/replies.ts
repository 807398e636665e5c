import { parseStreamId, type StreamId } from '@tasktrail/contract';

/** What one command of a pipeline came back with, as ioredis gives it. */
export type Reply = readonly [error: Error | null, value?: unknown];

export type Verdict =
  | { readonly kind: 'appended'; readonly id: StreamId }
  /** Redis will say the same however often it is asked. */
  | { readonly kind: 'refused'; readonly code: string; readonly error: Error }
  /** The event may or may not have been appended: send it again, with the same event id. */
  | { readonly kind: 'retry'; readonly error: Error };

/**
 * The wrong kind of key, no permission, or a command that this server does not know. All others
 * pass or may pass, and losing an event to one of them would be for good: LOADING, READONLY,
 * MASTERDOWN, OOM, MISCONF, NOREPLICAS, BUSY, CLUSTERDOWN, TRYAGAIN, NOAUTH, and those to come.
 */
const PERMANENT = new Set(['WRONGTYPE', 'NOPERM', 'ERR']);

/** What a reply to XADD means for its event. */
export function judgeReply([error, value]: Reply): Verdict {
  if (error !== null) {
    const code = error.message.split(' ', 1)[0] ?? '';
    const isPermanent = error.name === 'ReplyError' && PERMANENT.has(code);
    return isPermanent
      ? { kind: 'refused', code, error: plainError(error) }
      : { kind: 'retry', error: plainError(error) };
  }
  const id = parseStreamId(String(value));
  if (id !== undefined) return { kind: 'appended', id };
  // It has been appended somewhere, so that sending it again could go on for ever.
  return { kind: 'refused', code: 'ERR', error: new Error('XADD was answered with no stream id') };
}

/**
 * An error without what ioredis attaches: the command with all arguments, which for a failed
 * sign-in is the password.
 */
export function plainError(error: unknown): Error {
  return new Error(error instanceof Error ? error.message : String(error));
}
