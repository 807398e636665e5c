import type { IncomingMessage } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import type Koa from 'koa';
import type { RequestState } from './http.ts';

/** How much of a body is thrown away, and for how long. */
interface DiscardLimits {
  readonly bytes: number;
  readonly ms: number;
}

/** More than any forge sends: GitHub's webhooks are 25 MB at most. */
const LIMITS: DiscardLimits = { bytes: 32 * 1024 * 1024, ms: 5_000 };

/**
 * Answers at once where a request's body was not read to its end, and ends the connection with that
 * answer. What still comes of the body is thrown away first, up to a limit: to close a socket that
 * holds unread bytes resets the connection, and the client that sends all before it reads would
 * meet the reset instead of the answer.
 */
export function answerUnreadBodies(limits = LIMITS): Koa.Middleware<RequestState> {
  return async (ctx, next) => {
    await next();
    const { req, res, body } = ctx;
    if (req.complete || ctx.respond === false) return;
    if (typeof body !== 'string' && !Buffer.isBuffer(body) && ctx.status !== 304) return;
    // What came together with the head is parsed only when its handler has returned.
    await setImmediate();
    if (req.complete || !ctx.writable) return;
    ctx.set('Connection', 'close');
    // The length is known, so the client has the whole answer with this, a HEAD request with the
    // headers alone. Koa finds it ended later.
    res.flushHeaders();
    if (ctx.status !== 304) res.write(body);
    ctx.state.isAnswered = true;
    await discard(req, limits);
    res.end();
  };
}

/** Returns when the body is over, when its client has left, and when it was enough. */
async function discard(req: IncomingMessage, { bytes, ms }: DiscardLimits): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const deadline = setTimeout(resolve, ms);
  let leftBytes = bytes;
  req.on('data', (chunk: Buffer) => {
    leftBytes -= chunk.length;
    if (leftBytes < 0) resolve();
  });
  for (const event of ['end', 'close']) req.once(event, () => resolve());
  req.resume();
  await promise;
  clearTimeout(deadline);
}
