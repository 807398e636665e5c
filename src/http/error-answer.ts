import { ERROR_CODES, type ErrorBody, type ErrorCode } from '@tasktrail/contract';
import {
  CertificatesUnavailableError,
  ForbiddenError,
  ProducerRefusedError,
  UnauthorizedError,
} from '../auth/auth.ts';
import { IntakeUnavailableError } from '../intake/intake.ts';
import { ProjectsUnavailableError } from '../projects/projects.ts';
import { PageCursorError, ReadModelUnavailableError } from '../read-model/read-model.ts';
import { BodyAbortedError, Refusal } from './refusal.ts';

/** The status of every error code. */
export const STATUS_OF: Readonly<Record<ErrorCode, number>> = {
  dashboard_unauthorized: 401,
  dashboard_forbidden: 403,
  invalid_query: 400,
  invalid_cursor: 400,
  intake_unauthorized: 401,
  intake_forbidden: 403,
  invalid_body: 400,
  body_too_large: 413,
  unsupported_content: 415,
  idempotency_key_reused: 422,
  rate_limited: 429,
  task_not_found: 404,
  route_not_found: 404,
  method_not_allowed: 405,
  too_many_streams: 429,
  unavailable: 503,
  internal: 500,
};

/** What brings a token, where one is missing or not valid. */
const CHALLENGE = { 'WWW-Authenticate': 'Bearer' };

/** The same body whatever the reason: a message could tell somebody how near they are. */
const UNEXPLAINED: ReadonlySet<ErrorCode> = new Set([
  'dashboard_unauthorized',
  'intake_unauthorized',
]);

/** Long enough for a Redis that fails over, short enough for a person who waits. */
const RETRY_AFTER_SECONDS = 5;

interface ErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ErrorBody;
  /** For the log: why, which the answer may not say. */
  readonly reason: string;
  /** Whose request it was, where the error knows. */
  readonly viewer?: string;
}

/** What a request is answered whose handling threw this. */
export function answerOf(error: unknown): ErrorAnswer {
  if (error instanceof UnauthorizedError) {
    return { ...answer('dashboard_unauthorized'), headers: CHALLENGE, reason: error.reason };
  }
  if (error instanceof ForbiddenError) {
    return { ...answer('dashboard_forbidden'), viewer: error.identity };
  }
  if (error instanceof ProducerRefusedError) {
    const { kind, reason } = error;
    return kind === 'unauthorized'
      ? { ...answer('intake_unauthorized'), headers: CHALLENGE, reason }
      : { ...answer('intake_forbidden'), reason };
  }
  if (error instanceof PageCursorError) return answer('invalid_cursor', error.message);
  if (error instanceof Refusal) {
    const { code, message, headers, reason, status = STATUS_OF[code] } = error;
    const general = answer(code, message);
    return { ...general, status, headers: { ...general.headers, ...headers }, reason };
  }
  if (error instanceof BodyAbortedError) {
    return { ...answer('invalid_body', error.message), reason: 'incomplete_request' };
  }
  if (isUnavailable(error)) return { ...answer('unavailable'), reason: error.name };
  return answer('internal');
}

function isUnavailable(error: unknown): error is Error {
  return (
    error instanceof ReadModelUnavailableError ||
    error instanceof ProjectsUnavailableError ||
    error instanceof IntakeUnavailableError ||
    error instanceof CertificatesUnavailableError
  );
}

function answer(code: ErrorCode, message: string = ERROR_CODES[code]): ErrorAnswer {
  return {
    status: STATUS_OF[code],
    headers: code === 'unavailable' ? { 'Retry-After': String(RETRY_AFTER_SECONDS) } : {},
    body: UNEXPLAINED.has(code) ? { error: code } : { error: code, message },
    reason: code,
  };
}
