import type { IncomingMessage } from 'node:http';
import type { RequestContext } from '../http.ts';
import { BodyAbortedError, Refusal } from '../refusal.ts';
import type { BodyBudget } from './body-budget.ts';

/** Also of a webhook. GitHub caps its own at 25 MB, but those that tell of a task are some 30 kB. */
export const MAX_BODY_BYTES = 1024 * 1024;

/** What is reserved when the first byte is there; then it is doubled, as more comes. */
const FIRST_BYTES = 4 * 1024;

/**
 * Reads the body of a request and does something with it, within the budget all the while. Of that
 * it takes what has come, not what is announced: an announcement costs its sender nothing.
 *
 * @param owner whose share of the budget is used
 * @throws Refusal `body_too_large`, before anything is read where the length is known, or
 *   `unavailable` when the budget or the share is used up
 * @throws BodyAbortedError when the connection ends before the body
 */
export async function withBody<T>(
  ctx: RequestContext,
  budget: BodyBudget,
  owner: string,
  work: (body: Buffer) => T | Promise<T>,
): Promise<T> {
  const { req, res } = ctx;
  const mostBytes = declaredLength(req) ?? MAX_BODY_BYTES;
  if (mostBytes > MAX_BODY_BYTES) throw tooLarge();
  if (awaitsContinue(req)) res.writeContinue();
  using held = new DisposableStack();
  const body = await receive(req, mostBytes, (bytes) => {
    const reservation = budget.reserve(bytes, owner);
    if (reservation === undefined) {
      throw new Refusal('unavailable', 'too many bodies are on their way; try again in a moment');
    }
    held.use(reservation);
  });
  return await work(body);
}

/** Undefined where only its end says how long a body is. */
function declaredLength({ headers }: IncomingMessage): number | undefined {
  return 'transfer-encoding' in headers ? undefined : Number(headers['content-length'] ?? 0);
}

/**
 * Collects the body in one piece of memory that grows: a list of parts would let a sender make each
 * byte a part, which takes a hundred times the memory.
 *
 * @param reserve called before the memory grows by so many bytes
 */
async function receive(
  req: IncomingMessage,
  mostBytes: number,
  reserve: (bytes: number) => void,
): Promise<Buffer> {
  let memory = Buffer.alloc(0);
  let length = 0;
  for await (const part of partsOf(req)) {
    const needed = length + part.length;
    if (needed > mostBytes) throw tooLarge();
    if (needed > memory.length) {
      const size = Math.min(mostBytes, Math.max(FIRST_BYTES, 2 * memory.length, needed));
      reserve(size - memory.length);
      const larger = Buffer.allocUnsafeSlow(size);
      memory.copy(larger, 0, 0, length);
      memory = larger;
    }
    part.copy(memory, length);
    length = needed;
  }
  return memory.subarray(0, length);
}

/** What comes of a body. Whoever stops before its end leaves the connection open, to answer on it. */
async function* partsOf(req: IncomingMessage): AsyncGenerator<Buffer, void> {
  try {
    yield* req.iterator({ destroyOnReturn: false });
  } catch (error) {
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
