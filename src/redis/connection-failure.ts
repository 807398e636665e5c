import { SettingsFileError } from '../runtime/settings-file.ts';
import { isRefused } from './refused.ts';

/** Redis cannot be reached, or lets nobody in. The message says the remedy where one is known. */
export class RedisConnectionError extends Error {
  override readonly name = 'RedisConnectionError';
}

/** What a failure is told of: who wanted to go where. */
export interface ConnectionPlace {
  /** Without credentials. */
  readonly url: string;
  readonly user: string;
  readonly hasPasswordFile: boolean;
  readonly isTls: boolean;
}

/** Where it says what every user of Redis needs. */
const SHIPPED_RIGHTS = 'deploy/redis/users.acl';

const WANTS_CERTIFICATE =
  'asks for a certificate of an authority that it knows: set TASK_TRACKING_REDIS_CERT and ' +
  'TASK_TRACKING_REDIS_KEY, or tls-auth-clients no there';

type Explanation = readonly [pattern: RegExp, explain: (place: ConnectionPlace) => string];

/**
 * By code and by words: what comes from a sentinel has no code. Codes of certificates are OpenSSL's
 * names of its verification errors, those of alerts what the other side says of us.
 */
const EXPLANATIONS: readonly Explanation[] = [
  [
    /SELF_SIGNED_CERT|UNABLE_TO_(GET_ISSUER|VERIFY)|self-signed certificate|unable to (get (local )?issuer|verify the first)/,
    ({ url }) =>
      `the certificate of ${url} comes from an authority that is not trusted: set ` +
      'TASK_TRACKING_REDIS_CA to the PEM file of the one that issued it',
  ],
  [
    /ERR_TLS_CERT_ALTNAME_INVALID|does not match certificate's altnames/,
    ({ url }) =>
      `the certificate of ${url} is for another host: use a name that stands in it, or issue one ` +
      'for this name',
  ],
  [/CERT_HAS_EXPIRED|certificate has expired/, ({ url }) => `renew the certificate of ${url}`],
  [
    /CERT_NOT_YET_VALID|certificate is not yet valid/,
    ({ url }) => `correct the clock of this machine, or the certificate of ${url}`,
  ],
  [/CERTIFICATE_REQUIRED|alert certificate required/, ({ url }) => `${url} ${WANTS_CERTIFICATE}`],
  [
    /ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_)|alert (unknown ca|bad certificate|certificate )/,
    ({ url }) =>
      `${url} does not take the certificate in TASK_TRACKING_REDIS_CERT: its authority must be ` +
      'in tls-ca-cert-file there, and its time not be over',
  ],
  [
    /ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)|wrong version number|packet length too long/,
    ({ url }) => `${url} answers without TLS: name its tls-port, or use redis:// instead`,
  ],
  [
    /^WRONGPASS\b/,
    ({ user, hasPasswordFile }) =>
      `Redis has no user ${user} that is on and has this password: correct the user, or what is in ` +
      `${hasPasswordFile ? 'TASK_TRACKING_REDIS_PASSWORD_FILE' : 'TASK_TRACKING_REDIS_URL'}`,
  ],
  [
    /^NOAUTH\b/,
    () =>
      'Redis asks for a password: put a user in TASK_TRACKING_REDIS_URL, and the password there ' +
      'or in the file TASK_TRACKING_REDIS_PASSWORD_FILE',
  ],
  [/^NOPERM\b/, remedyOfRefusal],
  [
    / fails \((NOAUTH|WRONGPASS)\b/,
    () =>
      'sentinels must answer without a password: take requirepass out of their configuration, and ' +
      'keep others away by tls-auth-clients or a firewall',
  ],
  [/No such \w+ with that name/, () => 'correct the name at the end of TASK_TRACKING_REDIS_URL'],
];

const HUNG_UP = /^((read|write) (ECONNRESET|EPIPE)|Connection is closed)/;

/** What it may mean that a port hangs up, or is silent, before anything else was said. */
const UNANSWERED: Readonly<Record<'overTls' | 'plainly', readonly Explanation[]>> = {
  overTls: [
    [
      /^connect ETIMEDOUT/,
      ({ url }) => `${url} does not answer, as a port without TLS does: name its tls-port`,
    ],
    // Its alert may be lost when it hangs up.
    [HUNG_UP, ({ url }) => `${url} hung up, as one does that ${WANTS_CERTIFICATE}`],
  ],
  plainly: [[HUNG_UP, ({ url }) => `${url} hung up: where it expects TLS, use rediss:// instead`]],
};

function remedyOfRefusal({ user }: ConnectionPlace): string {
  return `give the user ${user} the rights that ${SHIPPED_RIGHTS} lists for what it does`;
}

/**
 * Why there is no connection, for a log line: one line, without anything that signs in.
 *
 * @param wasOpen whether Redis had let it in before
 */
export function explainFailure(
  error: unknown,
  place: ConnectionPlace,
  wasOpen: boolean,
): RedisConnectionError {
  if (error instanceof RedisConnectionError) return error;
  if (error instanceof SettingsFileError) {
    return new RedisConnectionError(error.message.replace(/\s*\n\s*/g, ' '));
  }
  // Not the error itself as the cause: ioredis attaches what was sent, password included.
  const text = error instanceof Error ? error.message : String(error);
  const code = (error as { readonly code?: unknown } | undefined)?.code;
  const unanswered = wasOpen ? [] : UNANSWERED[place.isTls ? 'overTls' : 'plainly'];
  const known = [...EXPLANATIONS, ...unanswered];
  const [, explain] =
    known.find(([pattern]) => pattern.test(text) || pattern.test(`${code}`)) ?? [];
  const reason = text.replace(/\.$/, '');
  return new RedisConnectionError(explain === undefined ? text : `${reason}: ${explain(place)}`);
}

/**
 * Completes an answer of Redis in place, so that whoever is told of it learns the remedy: what a user
 * may not do is said with who it is. What ioredis attaches, the command with all its arguments, is
 * taken away: it would end up in logs.
 */
export function completeAnswer(error: ReplyError, place: ConnectionPlace): void {
  const command = error.command?.name.toUpperCase();
  Reflect.deleteProperty(error, 'command');
  if (!isRefused(error)) return;
  // What is refused within a script is an error of the script to Redis.
  if (!error.message.startsWith('NOPERM')) {
    error.message = error.message.replace(/^(ERR )?/, 'NOPERM ');
  }
  error.message += ` (${command}): ${remedyOfRefusal(place)}`;
}

/** An error that Redis answered, as ioredis makes it. */
export interface ReplyError extends Error {
  readonly command?: { readonly name: string };
}
