import type { ErrorCode } from '@tasktrail/contract';
import { answerOf } from '../error-answer.ts';
import { BodyAbortedError } from '../refusal.ts';
import type { RequestResult } from './intake-http.ts';

const RESULT_OF: Readonly<Partial<Record<ErrorCode, RequestResult>>> = {
  intake_unauthorized: 'unauthorized',
  intake_forbidden: 'forbidden',
  rate_limited: 'limited',
  invalid_query: 'invalid',
  invalid_body: 'invalid',
  body_too_large: 'too_large',
  unsupported_content: 'unsupported',
  idempotency_key_reused: 'conflict',
  unavailable: 'unavailable',
};

/** What metrics call a request whose handling threw this. */
export function resultOf(error: unknown): RequestResult {
  if (error instanceof BodyAbortedError) return 'aborted';
  return RESULT_OF[answerOf(error).body.error] ?? 'failed';
}
