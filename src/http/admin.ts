import Router from '@koa/router';
import Koa from 'koa';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { clientAddressOf } from './client-address.ts';
import type { Probes, RequestState } from './http.ts';
import { answerErrors, logAppErrors, refuseUnknown, setCommonHeaders } from './middleware.ts';
import { mountProbes } from './probes.ts';
import { logRequests } from './request-log.ts';

interface AdminDependencies {
  readonly probes: Probes;
  readonly registry: Registry;
  readonly logger: Logger;
}

const METRICS_PATH = '/metrics';

/** The application of the admin port: probes, and metrics for Prometheus. It asks for no token. */
export function createAdminApp({ probes, registry, logger }: AdminDependencies): Koa<RequestState> {
  const router = new Router<RequestState>({ sensitive: true, strict: true });
  mountProbes(router, probes, 'full');
  router.get(METRICS_PATH, async (ctx) => {
    ctx.state.route = METRICS_PATH;
    const text = await registry.metrics();
    ctx.set('Content-Type', registry.contentType);
    ctx.body = text;
  });

  const app = new Koa<RequestState>();
  logAppErrors(app);
  app.use(logRequests({ logger, clientAddress: clientAddressOf([]) }));
  app.use(setCommonHeaders);
  app.use(answerErrors);
  app.use(router.routes());
  app.use(refuseUnknown(router));
  return app;
}
