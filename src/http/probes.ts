import type Router from '@koa/router';
import type { Probes, RequestState } from './http.ts';
import { sendJson } from './middleware.ts';
import { readinessOf } from './readiness.ts';
import { probeRoutes, routerPath } from './routes.ts';

/** Mounts what both applications answer to whoever supervises the process. */
export function mountProbes(router: Router<RequestState>, probes: Probes): void {
  const { healthz, readyz } = probeRoutes;
  router.get(routerPath(healthz), (ctx) => {
    ctx.state.route = healthz.path;
    sendJson(ctx, 200, { status: 'ok' });
  });
  router.get(routerPath(readyz), (ctx) => {
    ctx.state.route = readyz.path;
    const readiness = readinessOf(probes);
    sendJson(ctx, readiness.ready ? 200 : 503, readiness);
  });
}
