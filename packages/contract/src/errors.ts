import { z } from 'zod';

/** Every error code that an HTTP answer may carry, and what its reader does next. */
export const ERROR_CODES = {
  dashboard_unauthorized: 'Sign in again: the token is missing, invalid or expired.',
  dashboard_forbidden: 'Sign in with an account that may use this dashboard.',
  invalid_query: 'Correct the named query parameter; the same request fails again.',
  invalid_cursor: 'Drop the cursor and load the first page again.',
  intake_unauthorized: 'Send a valid API key, ID token or signature.',
  intake_forbidden: 'Have this account added to the producers file.',
  invalid_body: 'Correct the body as the message says; the same request fails again.',
  body_too_large: 'Send less at once: 1 MiB and 1,000 events at most.',
  unsupported_content: 'Use a content type that the message lists, without content encoding.',
  idempotency_key_reused: 'Use a new Idempotency-Key for other contents.',
  rate_limited: 'Slow down, and try again after the time in Retry-After.',
  task_not_found: 'There is no such task, or this viewer may not see it.',
  route_not_found: 'Correct the path; /openapi.json lists all of them.',
  method_not_allowed: 'Use a method that the Allow header lists.',
  too_many_streams: 'Close other streams of this viewer or address first.',
  unavailable: 'Try again after the time in Retry-After.',
  internal: 'Report it with the x-request-id of the answer.',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

export const ErrorBodySchema = z
  .object({
    error: z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]]),
    message: z.string().optional().meta({ description: 'What to do, for a person' }),
  })
  .meta({ id: 'ErrorBody' });

export type ErrorBody = z.output<typeof ErrorBodySchema>;
