import type Router from '@koa/router';
import type { Probes, RequestState } from './http.ts';
import { sendJson } from './middleware.ts';
import { type ReadinessDetail, readinessOf } from './readiness.ts';
import { probeRoutes, routerPath } from './routes.ts';

/**
 * Mounts what both applications answer to whoever supervises the process.
 *
 * @param detail whether each part says more than whether it is ready; not to be told to everybody
 */
export function mountProbes(
  router: Router<RequestState>,
  probes: Probes,
  detail: ReadinessDetail,
): void {
  const { healthz, readyz } = probeRoutes;
  router.get(routerPath(healthz), (ctx) => {
    ctx.state.route = healthz.path;
    sendJson(ctx, 200, { status: 'ok' });
  });
  router.get(routerPath(readyz), (ctx) => {
    ctx.state.route = readyz.path;
    const readiness = readinessOf(probes, detail);
    sendJson(ctx, readiness.ready ? 200 : 503, readiness);
  });
}
