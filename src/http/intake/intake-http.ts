import type { ProducerAuthenticator } from '../../auth/auth.ts';
import type { Intake, RateLimits } from '../../intake/intake.ts';
import type { INTAKE_REQUEST_RESULTS } from '../../runtime/intake-metrics.ts';
import type { Metrics } from '../../runtime/metrics.ts';

/**
 * The HTTP side of intake: requests that bring events and webhooks. (PROTOCOL.md, "Events over
 * HTTP", "Webhooks")
 *
 * `intake-routes.ts` defines the routes, `intake-router.ts` mounts and counts them;
 * `events-route.ts` and `webhook-route.ts` are what a request becomes. On its way it passes
 * `rate-limit.ts`, `content-type.ts` and `request-body.ts`, which reads a body within the memory
 * that `body-budget.ts` grants. `unavailable-log.ts` says why nothing can be appended.
 */
export interface IntakeDependencies {
  readonly intake: Intake;
  readonly producers: ProducerAuthenticator;
  readonly limits: RateLimits;
  readonly metrics: Metrics['intake'];
}

/** How a request to emit was answered, as metrics count it. */
export type RequestResult = (typeof INTAKE_REQUEST_RESULTS)[number];
