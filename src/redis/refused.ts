/**
 * Redis' and Valkey's words for what a user may not do: outside of scripts, then within them, up to
 * Redis 7.0 and since.
 */
const REFUSED = /^NOPERM\b|ACL failure in script|user executing the script can't (?:run|access)\b/;

/** Whether Redis refused a command because of who asked: rights that this user has not been given. */
export function isRefused(error: unknown): error is Error {
  return error instanceof Error && REFUSED.test(error.message);
}
