import { z } from 'zod';
import type { Health, HealthCheck } from '../runtime/service.ts';
import type { Probes } from './http.ts';

export const HealthSchema = z.object({ status: z.literal('ok') }).meta({ id: 'Health' });

export const ReadinessSchema = z
  .object({
    ready: z.boolean(),
    draining: z.boolean().meta({ description: 'The process is about to stop' }),
    checks: z.record(z.string(), z.looseObject({ ready: z.boolean() })).meta({
      description: 'Each part of the process; on the admin port with what it says of itself',
    }),
  })
  .meta({ id: 'Readiness' });

type Readiness = z.output<typeof ReadinessSchema>;

/** How much each part says of itself: `full` for operators, `brief` where anybody may ask. */
export type ReadinessDetail = 'full' | 'brief';

/** Ready is a process all of whose parts are, and that is not about to stop. */
export function readinessOf({ checks, isDraining }: Probes, detail: ReadinessDetail): Readiness {
  const draining = isDraining();
  const healths = checks.map((check) => [check.name, healthOf(check)] as const);
  return {
    ready: !draining && healths.every(([, health]) => health.ready),
    draining,
    checks: Object.fromEntries(
      healths.map(([name, { ready, details }]) => [
        name,
        detail === 'full' ? { ...details, ready } : { ready },
      ]),
    ),
  };
}

/** A part that cannot even say how it is is not ready, and must not take the others' word away. */
function healthOf(check: HealthCheck): Health {
  try {
    return check.health();
  } catch (error) {
    return { ready: false, details: { error: error instanceof Error ? error.name : 'unknown' } };
  }
}
