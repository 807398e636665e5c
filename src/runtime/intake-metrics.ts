import { Counter, Gauge, type Registry } from 'prom-client';

/** Where events come from over HTTP: a producer's request, or the webhook of a forge. */
export const INTAKE_SOURCES = ['http', 'github', 'gitea'] as const;

/** How a request to emit was answered. `aborted`: its body did not come to its end. */
export const INTAKE_REQUEST_RESULTS = [
  'accepted',
  'unmapped',
  'unauthorized',
  'forbidden',
  'limited',
  'invalid',
  'too_large',
  'unsupported',
  'conflict',
  'unavailable',
  'aborted',
  'failed',
] as const;

/** What became of an event: `refused` is the sender's to mend, `quarantined` was kept whole. */
export const INTAKE_EVENT_RESULTS = ['appended', 'repeated', 'refused', 'quarantined'] as const;

/** What comes in over HTTP; every pair of labels begins at 0. */
export function intakeMetrics(registry: Registry) {
  const registers = [registry];
  const labelNames = ['source', 'result'] as const;
  const counters = {
    requests: new Counter({
      name: 'tasktrail_intake_requests_total',
      help: 'Requests to emit, by source and by how they were answered.',
      labelNames,
      registers,
    }),
    events: new Counter({
      name: 'tasktrail_intake_events_total',
      help: 'Events that came over HTTP, by source and by what became of them.',
      labelNames,
      registers,
    }),
    rateLimitsLocal: new Gauge({
      name: 'tasktrail_intake_rate_limits_local',
      help: '1 while requests are counted by this process alone, since Redis does not; else 0.',
      registers,
    }),
  };
  for (const source of INTAKE_SOURCES) {
    for (const result of INTAKE_REQUEST_RESULTS) counters.requests.inc({ source, result }, 0);
    for (const result of INTAKE_EVENT_RESULTS) counters.events.inc({ source, result }, 0);
  }
  return counters;
}
