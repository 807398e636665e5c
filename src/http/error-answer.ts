import { ERROR_CODES, type ErrorBody, type ErrorCode } from '@tasktrail/contract';
import { CertificatesUnavailableError, ForbiddenError, UnauthorizedError } from '../auth/auth.ts';
import { ProjectsUnavailableError } from '../projects/projects.ts';
import { PageCursorError, ReadModelUnavailableError } from '../read-model/read-model.ts';
import { MethodRefusal, Refusal } from './refusal.ts';

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
    return {
      status: STATUS_OF.dashboard_unauthorized,
      headers: { 'WWW-Authenticate': 'Bearer' },
      // The same body whatever the reason.
      body: { error: 'dashboard_unauthorized' },
      reason: error.reason,
    };
  }
  if (error instanceof ForbiddenError) {
    return { ...answer('dashboard_forbidden'), viewer: error.identity };
  }
  if (error instanceof PageCursorError) return answer('invalid_cursor', error.message);
  if (error instanceof Refusal) return answer(error.code, error.message);
  if (error instanceof MethodRefusal) {
    return { ...answer('method_not_allowed', error.message), headers: { Allow: error.allow } };
  }
  if (isUnavailable(error)) {
    return {
      ...answer('unavailable'),
      headers: { 'Retry-After': String(RETRY_AFTER_SECONDS) },
      reason: error.name,
    };
  }
  return answer('internal');
}

function isUnavailable(error: unknown): error is Error {
  return (
    error instanceof ReadModelUnavailableError ||
    error instanceof ProjectsUnavailableError ||
    error instanceof CertificatesUnavailableError
  );
}

function answer(code: ErrorCode, message: string = ERROR_CODES[code]): ErrorAnswer {
  return { status: STATUS_OF[code], headers: {}, body: { error: code, message }, reason: code };
}
