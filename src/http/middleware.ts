import cors from '@koa/cors';
import type Router from '@koa/router';
import type Koa from 'koa';
import { answerOf } from './error-answer.ts';
import type { RequestContext, RequestState } from './http.ts';
import { Refusal } from './refusal.ts';
import { pathOf } from './request-log.ts';
import { SECURITY_HEADERS } from './security-headers.ts';

type Middleware = Koa.Middleware<RequestState>;

/** As long as any browser remembers a preflight. */
const PREFLIGHT_SECONDS = 7200;

/** Answers belong to one viewer or one moment, and are data, never a page. */
export const setCommonHeaders: Middleware = (ctx, next) => {
  const { res } = ctx;
  res.setHeader('Cache-Control', 'no-store');
  for (const [name, value] of COMMON_HEADERS) res.setHeader(name, value);
  return next();
};

const COMMON_HEADERS = Object.entries(SECURITY_HEADERS);

/**
 * Lets pages of these origins read answers and refusals, but for those of `closedPaths`. Without
 * credentials mode: tokens are sent by the page itself, never by the browser on its own. It comes
 * before whatever refuses, or else browsers could not tell their page why.
 */
export function allowOrigins(
  origins: readonly string[],
  closedPaths: ReadonlySet<string>,
): Koa.Middleware {
  return cors({
    origin: (ctx) => {
      if (closedPaths.has(pathOf(ctx) ?? '')) return '';
      if (origins.includes('*')) return '*';
      const origin = ctx.get('Origin');
      return origins.includes(origin) ? origin : '';
    },
    allowMethods: ['GET', 'HEAD'],
    allowHeaders: ['Authorization', 'If-None-Match', 'Last-Event-ID'],
    exposeHeaders: ['ETag', 'Retry-After', 'X-Request-Id'],
    maxAge: PREFLIGHT_SECONDS,
    keepHeadersOnError: false,
  });
}

/** Answers whatever is thrown behind it, and logs what nobody expected. */
export const answerErrors: Middleware = async (ctx, next) => {
  try {
    if (pathOf(ctx) === undefined) {
      throw new Refusal('invalid_query', 'the target of the request is no path');
    }
    // Node would answer by itself, without a body and without any of the headers.
    if (ctx.req.httpVersion === '1.1' && ctx.req.headers.host === undefined) {
      throw new Refusal('invalid_query', 'Host: a request of HTTP/1.1 must have this header');
    }
    await next();
  } catch (error) {
    const { status, headers, body, reason, viewer } = answerOf(error);
    ctx.state.reason = reason;
    if (viewer !== undefined) ctx.state.viewer = viewer;
    if (body.error === 'internal') ctx.state.logger.error({ err: error }, 'a request failed');
    else if (status >= 500) ctx.state.logger.debug({ err: error }, 'a request cannot be answered');
    if (ctx.headerSent) {
      // An answer had begun. Its end without the rest tells its client that it broke.
      ctx.res.destroy();
      return;
    }
    ctx.respond = true;
    ctx.set({ ...headers });
    sendJson(ctx, status, body);
  }
};

/** Where no route answered: there is none, or not with this method. */
export function refuseUnknown(...routers: readonly Router<RequestState>[]): Middleware {
  return (ctx) => {
    const layers = routers.flatMap((router) => router.match(ctx.path, ctx.method).path);
    if (layers.length === 0) {
      throw new Refusal('route_not_found', 'there is nothing at this path');
    }
    const allow = [...new Set(layers.flatMap(({ methods }) => methods)), 'OPTIONS'].join(', ');
    if (ctx.method !== 'OPTIONS') {
      const message = `this path can be asked with ${allow}`;
      throw new Refusal('method_not_allowed', message, { headers: { Allow: allow } });
    }
    ctx.set('Allow', allow);
    ctx.status = 204;
  };
}

/** Written here, not by Koa, so that a value that is no JSON fails where errors are answered. */
export function sendJson(ctx: RequestContext, status: number, value: unknown): void {
  const text = JSON.stringify(value);
  ctx.status = status;
  ctx.type = 'application/json';
  ctx.body = text;
}

/** Connections break all the time; anything else that Koa meets by itself is worth a look. */
export function logAppErrors(app: Koa<RequestState>): void {
  app.on('error', (error: NodeJS.ErrnoException, ctx?: RequestContext) => {
    const isBroken = ['ECONNRESET', 'EPIPE', 'ECONNABORTED'].includes(error.code ?? '');
    ctx?.state.logger?.[isBroken ? 'debug' : 'error']({ err: error }, 'an answer broke off');
  });
}
