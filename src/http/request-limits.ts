import type { IncomingMessage } from 'node:http';
import type Koa from 'koa';
import type { RequestState } from './http.ts';
import { Refusal } from './refusal.ts';

/** Room for a token of 4 KiB and a cursor besides, and what nginx takes for one line. */
const MAX_TARGET_BYTES = 8 * 1024;
/** A browser behind three proxies sends about thirty. */
const MAX_HEADERS = 100;
/** A dashboard sends five; `statuses` may be repeated. */
const MAX_PARAMETERS = 50;

/** Refuses a request whose head is larger than anything that a client has to say. */
export const refuseOversized: Koa.Middleware<RequestState> = (ctx, next) => {
  const refusal = findOversize(ctx.req);
  if (refusal !== undefined) throw refusal;
  return next();
};

/** Node bounds URL and headers together, at 16 KiB; this bounds what they are made of. */
function findOversize({ url = '', rawHeaders }: IncomingMessage): Refusal | undefined {
  if (url.length > MAX_TARGET_BYTES) {
    return tooLarge(414, `the URL is longer than ${MAX_TARGET_BYTES} bytes`);
  }
  if (rawHeaders.length / 2 > MAX_HEADERS) {
    return tooLarge(431, `the request has more than ${MAX_HEADERS} headers`);
  }
  if (url.split('&', MAX_PARAMETERS + 1).length > MAX_PARAMETERS) {
    return tooLarge(400, `the query has more than ${MAX_PARAMETERS} parameters`);
  }
  return undefined;
}

function tooLarge(status: number, message: string): Refusal {
  return new Refusal('invalid_query', message, { status });
}
