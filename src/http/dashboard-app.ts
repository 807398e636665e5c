import Router from '@koa/router';
import { ExecutionIdSchema } from '@tasktrail/contract';
import Koa from 'koa';
import type { z } from 'zod';
import { CertificatesUnavailableError, UnauthorizedError, type Viewer } from '../auth/auth.ts';
import type { Sight } from '../auth/visibility.ts';
import { clientAddressOf } from './client-address.ts';
import type { HttpDependencies, RequestContext, RequestState } from './http.ts';
import { intakeRouter } from './intake/intake-router.ts';
import { INTAKE_PATHS, intakeRoutes } from './intake/intake-routes.ts';
import {
  allowOrigins,
  answerErrors,
  logAppErrors,
  refuseUnknown,
  sendJson,
  setCommonHeaders,
} from './middleware.ts';
import { openApiDocument } from './openapi.ts';
import { answerPage } from './page-answer.ts';
import { mountProbes } from './probes.ts';
import { readQuery } from './query.ts';
import { Refusal } from './refusal.ts';
import { refuseOversized } from './request-limits.ts';
import { logRequests } from './request-log.ts';
import { dashboardRoutes, type Route, routerPath } from './routes.ts';
import { boundUnreadAnswers } from './unread-answers.ts';
import { answerUnreadBodies } from './unread-body.ts';

/** The application that dashboards talk to, and bots and forges where intake is switched on. */
export function createDashboardApp(deps: HttpDependencies): Koa<RequestState> {
  const {
    http,
    snapshot,
    readModel,
    pages,
    snapshotGate,
    projects,
    stream,
    intake,
    probes,
    logger,
    metrics,
  } = deps;
  const routes = dashboardRoutes(snapshot);
  const document = JSON.stringify(
    openApiDocument(intake === undefined ? routes : { ...routes, ...intakeRoutes }, deps.version),
  );
  const router = new Router<RequestState>({ sensitive: true, strict: true });
  /** By their whole path, without the router, which tries the pattern of each route. */
  const direct = new Map<string, Koa.Middleware<RequestState>>();

  function forViewers<Q extends z.ZodObject>(route: Route<Q>, answer: ViewerAnswer<Q>): void {
    const handle = async (ctx: RequestContext) => {
      ctx.state.route = route.path;
      const parameters = new URLSearchParams(ctx.querystring);
      const viewer = await authenticate(ctx, parameters, deps);
      await answer(ctx, viewer, readQuery(parameters, route.query), parameters);
    };
    router.get(routerPath(route), handle);
    if (route.pathParameters === undefined) direct.set(route.path, handle);
  }

  /** With a place at the read model, for which they may have waited: so what they may see is asked then. */
  function forReaders<Q extends z.ZodObject>(route: Route<Q>, answer: ReaderAnswer<Q>): void {
    forViewers(route, async (ctx, { identity }, query, parameters) => {
      using _ = await snapshotGate.enter(identity, ctx.res);
      const viewer = await authenticate(ctx, parameters, deps);
      await answer(ctx, viewer.sight, query);
    });
  }

  forViewers(routes.projects, (ctx) => {
    sendJson(ctx, 200, { items: projects.list() });
  });
  forViewers(routes.tasks, async (ctx, viewer, query, parameters) => {
    const { project, statuses, cursor, limit } = query;
    await answerPage(
      ctx,
      viewer,
      { filter: { project, statuses }, limit, cursor },
      {
        pages,
        gate: snapshotGate,
        authenticate: () => authenticate(ctx, parameters, deps),
        isUrlSecret: parameters.has('authToken'),
      },
    );
  });
  router.get(routerPath(routes.stream), async (ctx) => {
    ctx.state.route = routes.stream.path;
    const parameters = new URLSearchParams(ctx.querystring);
    const viewer = await authenticate(ctx, parameters, deps).catch(undefinedIfUnavailable);
    await stream(ctx, viewer, readQuery(parameters, routes.stream.query));
  });
  forReaders(routes.task, async (ctx, sight) => {
    const executionId = decodeExecutionId(ctx.captures?.[0] ?? '');
    const item = executionId === undefined ? undefined : await readModel.task(executionId, sight);
    if (item === undefined) throw new Refusal('task_not_found', 'there is no such task to see');
    sendJson(ctx, 200, item);
  });
  mountProbes(router, probes, 'brief');
  router.get(routerPath(routes.openapi), (ctx) => {
    ctx.state.route = routes.openapi.path;
    ctx.type = 'application/json';
    ctx.body = document;
  });

  const clientAddress = clientAddressOf(http.trustedProxies);
  const app = new Koa<RequestState>();
  logAppErrors(app);
  app.use(logRequests({ logger, clientAddress, metrics, newRequestId: deps.newRequestId }));
  app.use(boundUnreadAnswers(deps.onAnswerCut));
  app.use(answerUnreadBodies());
  app.use(setCommonHeaders);
  app.use(allowOrigins(http.corsOrigins, INTAKE_PATHS));
  app.use(answerErrors);
  app.use(refuseOversized);
  app.use((ctx, next) => {
    const isRead = ctx.method === 'GET' || ctx.method === 'HEAD';
    const handle = isRead ? direct.get(ctx.path) : undefined;
    return handle === undefined ? next() : handle(ctx, next);
  });
  app.use(router.routes());
  if (intake === undefined) {
    app.use(refuseIntake);
    app.use(refuseUnknown(router));
  } else {
    const emitting = intakeRouter(intake, deps.findToken);
    app.use(emitting.routes());
    app.use(refuseUnknown(router, emitting));
  }
  return app;
}

const refuseIntake: Koa.Middleware<RequestState> = async (ctx, next) => {
  if (!INTAKE_PATHS.has(ctx.path)) return await next();
  const message = 'this server takes no events over HTTP: TASK_INTAKE_ENABLED is false';
  throw new Refusal('route_not_found', message);
};

type ViewerAnswer<Q extends z.ZodObject> = (
  ctx: RequestContext,
  viewer: Viewer,
  query: z.output<Q>,
  parameters: URLSearchParams,
) => void | Promise<void>;

type ReaderAnswer<Q extends z.ZodObject> = (
  ctx: RequestContext,
  sight: Sight,
  query: z.output<Q>,
) => Promise<void>;

async function authenticate(
  ctx: RequestContext,
  parameters: URLSearchParams,
  { findToken, authenticator }: Pick<HttpDependencies, 'findToken' | 'authenticator'>,
): Promise<Viewer> {
  const finding = findToken({
    rawHeaders: ctx.req.rawHeaders,
    queryTokens: parameters.getAll('authToken'),
  });
  if (finding.kind === 'refused') throw new UnauthorizedError(finding.reason);
  const viewer = await authenticator.authenticate(finding.token);
  ctx.state.viewer = viewer.identity;
  return viewer;
}

function undefinedIfUnavailable(error: unknown): undefined {
  if (!(error instanceof CertificatesUnavailableError)) throw error;
}

/**
 * The execution id of a path, or undefined where no task can have it. Decoded here because the
 * router passes on what it cannot decode.
 *
 * @throws Refusal when the text is no percent-encoding
 */
function decodeExecutionId(text: string): string | undefined {
  let decoded: string;
  try {
    decoded = decodeURIComponent(text);
  } catch {
    throw new Refusal('invalid_query', 'executionId: the path is not percent-encoded UTF-8');
  }
  return ExecutionIdSchema.safeParse(decoded).data;
}
