import Router from '@koa/router';
import { type IntakeSource, IntakeUnavailableError } from '../../intake/intake.ts';
import { networkOf } from '../client-address.ts';
import type { RequestContext, RequestState } from '../http.ts';
import { type Route, routerPath } from '../routes.ts';
import { BodyBudget } from './body-budget.ts';
import { createEventsHandler, type FindToken } from './events-route.ts';
import type { IntakeDependencies, RequestResult } from './intake-http.ts';
import { intakeRoutes } from './intake-routes.ts';
import { passLimit } from './rate-limit.ts';
import { resultOf } from './request-result.ts';
import { UnavailableLog } from './unavailable-log.ts';
import { createWebhookHandler } from './webhook-route.ts';

/**
 * For the bodies of events, and as much again for those of webhooks: anybody can begin to send one
 * of these, since only the end shows who has signed it, and must not keep producers out. Whose share
 * they use is therefore said by the address, and that of events by the producer.
 */
const BODIES_BYTES = 32 * 1024 * 1024;

/** Mounts the routes of intake, and counts their requests. */
export function intakeRouter(deps: IntakeDependencies, findToken: FindToken): Router<RequestState> {
  const { limits, metrics } = deps;
  const router = new Router<RequestState>({ sensitive: true, strict: true });
  const unavailableLog = new UnavailableLog();

  function mount(route: Route, source: IntakeSource, handle: RequestHandler): void {
    router.post(routerPath(route), async (ctx) => {
      ctx.state.route = route.path;
      let result: RequestResult = 'failed';
      try {
        await passLimit(limits, 'address', networkOf(ctx.state.clientAddress));
        result = await handle(ctx);
      } catch (error) {
        result = resultOf(error);
        if (error instanceof IntakeUnavailableError) {
          unavailableLog.tell(ctx.state.logger, source, error);
        }
        throw error;
      } finally {
        metrics.requests.inc({ source, result });
      }
    });
  }

  const webhookBodies = new BodyBudget(BODIES_BYTES);
  const { events, githubWebhook, giteaWebhook } = intakeRoutes;
  mount(events, 'http', createEventsHandler(deps, findToken, new BodyBudget(BODIES_BYTES)));
  mount(githubWebhook, 'github', createWebhookHandler('github', deps, webhookBodies));
  mount(giteaWebhook, 'gitea', createWebhookHandler('gitea', deps, webhookBodies));
  return router;
}

type RequestHandler = (ctx: RequestContext) => Promise<RequestResult>;
