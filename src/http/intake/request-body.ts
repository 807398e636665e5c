import type { IncomingMessage } from 'node:http';
import getRawBody from 'raw-body';
import type { RequestContext } from '../http.ts';
import { BodyAbortedError, Refusal } from '../refusal.ts';
import type { BodyBudget } from './body-budget.ts';

/** Also of a webhook. GitHub caps its own at 25 MB, but those that tell of a task are some 30 kB. */
export const MAX_BODY_BYTES = 1024 * 1024;

/**
 * Reads the body of a request and does something with it, within the budget all the while.
 *
 * @throws Refusal `body_too_large`, before anything is read where the length is known, or
 *   `unavailable` when the budget is used up
 * @throws BodyAbortedError when the connection ends before the body
 */
export async function withBody<T>(
  ctx: RequestContext,
  budget: BodyBudget,
  work: (body: Buffer) => T | Promise<T>,
): Promise<T> {
  const declaredBytes = declaredLength(ctx.req);
  if (declaredBytes !== undefined && declaredBytes > MAX_BODY_BYTES) throw tooLarge();
  using reservation = budget.reserve(declaredBytes ?? MAX_BODY_BYTES);
  if (reservation === undefined) {
    throw new Refusal('unavailable', 'too many bodies are on their way; try again in a moment');
  }
  return await work(await receive(ctx, declaredBytes));
}

/** Undefined where only its end says how long a body is. */
function declaredLength({ headers }: IncomingMessage): number | undefined {
  return 'transfer-encoding' in headers ? undefined : Number(headers['content-length'] ?? 0);
}

async function receive(
  { req, res }: RequestContext,
  declaredBytes: number | undefined,
): Promise<Buffer> {
  if (awaitsContinue(req)) res.writeContinue();
  try {
    return await getRawBody(req, { length: declaredBytes ?? null, limit: MAX_BODY_BYTES });
  } catch (error) {
    if (error instanceof Error && 'type' in error && error.type === 'entity.too.large') {
      throw tooLarge();
    }
    if (!req.destroyed) throw error;
    throw new BodyAbortedError('the body ended before its end', { cause: error });
  }
}

function awaitsContinue({ headers, httpVersion }: IncomingMessage): boolean {
  return httpVersion === '1.1' && /\b100-continue\b/i.test(headers.expect ?? '');
}

function tooLarge(): Refusal {
  return new Refusal('body_too_large', `a body is at most ${MAX_BODY_BYTES} bytes`);
}
