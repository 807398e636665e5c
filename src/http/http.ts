import type { TaskStatus } from '@tasktrail/contract';
import type Koa from 'koa';
import type { Logger } from 'pino';
import type { Authenticator, TokenCarriers, TokenFinding, Viewer } from '../auth/auth.ts';
import type { Projects } from '../projects/projects.ts';
import type { Pages, ReadModel } from '../read-model/read-model.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { HealthCheck } from '../runtime/service.ts';
import type { IntakeDependencies } from './intake/intake-http.ts';
import type { SnapshotGate } from './snapshot-gate.ts';

/**
 * HTTP: requests become calls of the other stages, and what these return or throw becomes answers.
 *
 * `routes.ts` defines every route once, for the router and for the OpenAPI document (`openapi.ts`),
 * `security.ts` what they ask of whom; `query.ts` reads and checks a query; `page-answer.ts` answers
 * with a page, or that it is still the same; `error-answer.ts` is the one place where errors become
 * statuses; `client-address.ts` finds who is behind the proxies;
 * `readiness.ts` adds up the health checks. `dashboard-app.ts` and `admin.ts` make the two Koa
 * applications, of `middleware.ts`, `request-log.ts`, `unread-body.ts` and `probes.ts`; `server.ts`
 * puts one on a port, `taken-connections.ts` has an answer that lasts go on without it, and
 * `bad-request.ts` answers what is no request. `connection-guard.ts`, `request-limits.ts`,
 * `snapshot-gate.ts` and `unread-answers.ts` bound what all of it may cost. `sse/` is the stream,
 * `intake/` takes events and webhooks.
 */
export interface HttpDependencies {
  readonly http: {
    /** Origins whose pages may read the answers; `*` stands for all. */
    readonly corsOrigins: readonly string[];
    /** Addresses and networks whose X-Forwarded-For is believed. */
    readonly trustedProxies: readonly string[];
  };
  readonly snapshot: PageLimits;
  readonly authenticator: Authenticator;
  readonly findToken: (carriers: TokenCarriers) => TokenFinding;
  readonly readModel: Pick<ReadModel, 'task'>;
  readonly pages: Pages;
  readonly snapshotGate: SnapshotGate;
  readonly projects: Pick<Projects, 'list'>;
  readonly stream: StreamHandler;
  /** Undefined: it is switched off, and there is nothing at its paths. */
  readonly intake: IntakeDependencies | undefined;
  readonly probes: Probes;
  readonly onAnswerCut: (reason: CutReason) => void;
  readonly logger: Logger;
  readonly metrics: Metrics['http'];
  /** The version of the package, for the OpenAPI document. */
  readonly version: string;
  /** Names a request that brings no name of its own. */
  readonly newRequestId?: () => string;
}

/** Why an answer was cut off: its client took too long, or all of them together were too much. */
export type CutReason = 'time' | 'memory';

/** Tasks on a snapshot page: when the request names no limit, and at most. */
export interface PageLimits {
  readonly defaultLimit: number;
  readonly maxLimit: number;
}

/** What readiness is made of. */
export interface Probes {
  readonly checks: readonly HealthCheck[];
  /** Whether the process is about to stop, and wants no new clients. */
  readonly isDraining: () => boolean;
}

/**
 * Answers a request for the stream whose viewer is known and whose query is valid; a HEAD request
 * with the headers alone. It sets `ctx.respond = false` when it writes to `ctx.res` itself; what it
 * throws before it has sent headers is answered as any other error.
 */
export type StreamHandler = (
  ctx: RequestContext,
  viewer: Viewer | undefined,
  query: StreamQuery,
) => void | Promise<void>;

export interface StreamQuery {
  readonly project?: string | undefined;
  /** Each once; empty: every status. */
  readonly statuses: readonly TaskStatus[];
  /** As the client sent it; the Last-Event-ID header is the handler's to read. */
  readonly cursor?: string | undefined;
}

export type RequestContext = Koa.ParameterizedContext<RequestState>;

/** What is known of a request, and what its log line will say of it. */
export interface RequestState {
  readonly requestId: string;
  readonly clientAddress: string;
  /** Adds the request id to every line. */
  readonly logger: Logger;
  /** The path template of the route that answers. */
  route?: string;
  /** The identity of the viewer, once it is known. */
  viewer?: string;
  /** Who emits, by the name in the producers file, or the forge whose signature holds. */
  producer?: string;
  /** How many events of the request were taken, now or by an earlier one like it, and how many not. */
  events?: { readonly accepted: number; readonly refused: number };
  /** The answer was sent, though its connection is held a little longer. */
  isAnswered?: boolean;
  /** Why the request was refused or failed. */
  reason?: string;
}
