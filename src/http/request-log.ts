import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type Koa from 'koa';
import type { Logger } from 'pino';
import type { Metrics } from '../runtime/metrics.ts';
import type { RequestContext, RequestState } from './http.ts';
import { ownText } from './own-text.ts';
import { isTaken, wasEnded } from './taken-connections.ts';

interface RequestLogOptions {
  readonly logger: Logger;
  readonly clientAddress: (req: RequestContext['req']) => string;
  readonly metrics?: Metrics['http'] | undefined;
  readonly newRequestId?: (() => string) | undefined;
}

/** A name that another system gave to the request, when it is one that fits into a log line. */
const SANE_REQUEST_ID = /^[\w.:-]{1,64}$/;

const MAX_LOGGED_PATH = 300;

/** Asked every few seconds by machines. */
const QUIET_ROUTES: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);

/** The parameters whose names are logged. A name that is not known may itself be a secret. */
const KNOWN_PARAMETERS = ['project', 'statuses', 'cursor', 'limit', 'authToken'];

/**
 * Names every request, and writes one line when it is over: for a stream when that ends. Of a query
 * only the names of known parameters are logged, of the headers nothing.
 */
export function logRequests(options: RequestLogOptions): Koa.Middleware<RequestState> {
  const { logger, clientAddress, metrics, newRequestId = randomUUID } = options;
  return async (ctx, next) => {
    const startedAt = performance.now();
    const given = ctx.get('X-Request-Id');
    const requestId = SANE_REQUEST_ID.test(given) ? given : newRequestId();
    ctx.state = new State(requestId, clientAddress(ctx.req), logger);
    ctx.set('X-Request-Id', requestId);
    ctx.res.once('close', () => {
      const { socket } = ctx.req;
      if (isTaken(socket)) {
        logStream(streamOf(ctx), startedAt, socket, logger);
        return;
      }
      const seconds = (performance.now() - startedAt) / 1000;
      const { route = 'none' } = ctx.state;
      const status = statusOf(ctx);
      // A stream lasts as long as its viewer stays, which is no duration of a request.
      if (ctx.respond !== false) metrics?.requestSeconds.observe({ route, status }, seconds);
      writeLine(logger, ctx, seconds * 1000);
    });
    await next();
  };
}

/**
 * Most requests log one line, so that a logger of their own is made when one is asked for. A class, since
 * a getter in a literal makes a hidden class of each object, which keeps all of the request until the
 * next full collection.
 */
class State implements RequestState {
  readonly requestId: string;
  readonly clientAddress: string;
  route?: string;
  viewer?: string;
  producer?: string;
  events?: { readonly accepted: number; readonly refused: number };
  isAnswered?: boolean;
  reason?: string;
  readonly #logger: Logger;

  constructor(requestId: string, clientAddress: string, logger: Logger) {
    this.requestId = requestId;
    this.clientAddress = clientAddress;
    this.#logger = logger;
  }

  get logger(): Logger {
    return this.#logger.child({ requestId: this.requestId });
  }
}

type Line = Readonly<Record<string, unknown>>;

function writeLine(logger: Logger, ctx: RequestContext, durationMs: number): void {
  const { requestId, route, producer, events, reason } = ctx.state;
  const status = statusOf(ctx);
  const level = QUIET_ROUTES.has(route ?? '') ? 'debug' : status >= 500 ? 'warn' : 'info';
  if (!logger.isLevelEnabled(level)) return;
  const line = {
    requestId,
    ...factsOf(ctx),
    status,
    durationMs: rounded(durationMs),
    producer,
    events,
    // A line may be written before what waited for the rest of the request has met its end.
    reason: reason ?? (ctx.req.complete ? undefined : 'incomplete_request'),
    // The client left before the answer was complete.
    ...(ctx.res.writableFinished || ctx.state.isAnswered ? {} : { aborted: true }),
  };
  logger[level](line, `${ctx.method} ${route ?? 'unknown path'} ${status}`);
}

function factsOf(ctx: RequestContext): Line {
  return {
    method: ctx.method,
    path: pathOf(ctx)?.slice(0, MAX_LOGGED_PATH),
    parameters: knownParameters(ctx),
    client: ctx.state.clientAddress,
    viewer: ctx.state.viewer,
  };
}

/** What the line of a stream will say, of which nothing is a part of the request's own texts. */
function streamOf(ctx: RequestContext): Line {
  const { requestId, route } = ctx.state;
  return { requestId: ownText(requestId), ...factsOf(ctx), path: route, status: statusOf(ctx) };
}

function logStream(line: Line, startedAt: number, socket: Socket, logger: Logger): void {
  const onOver = () => {
    const durationMs = rounded(performance.now() - startedAt);
    const aborted = wasEnded(socket) ? {} : { aborted: true };
    logger.info({ ...line, durationMs, ...aborted }, `${line.method} ${line.path} ${line.status}`);
  };
  if (socket.closed) onOver();
  else socket.on('close', onOver);
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}

/** Nothing was answered to a client that left before: what nginx calls 499. */
function statusOf({ res }: RequestContext): number {
  return res.headersSent ? res.statusCode : 499;
}

/** The path as it was sent; undefined when the request's target is none. */
export function pathOf(ctx: RequestContext): string | undefined {
  try {
    return ctx.path;
  } catch {
    // Node lets through targets such as `http://[`, which no parser takes apart.
    return undefined;
  }
}

function knownParameters(ctx: RequestContext): string[] | undefined {
  if (pathOf(ctx) === undefined || ctx.querystring === '') return undefined;
  const names = new URLSearchParams(ctx.querystring);
  return KNOWN_PARAMETERS.filter((name) => names.has(name));
}
