import { Counter, type Registry } from 'prom-client';

const INTAKE_REQUEST_RESULTS = [
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
];

const INTAKE_EVENT_RESULTS = ['appended', 'repeated', 'refused', 'quarantined'];

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
  };
  for (const source of ['http', 'github', 'gitea']) {
    for (const result of INTAKE_REQUEST_RESULTS) counters.requests.inc({ source, result }, 0);
    for (const result of INTAKE_EVENT_RESULTS) counters.events.inc({ source, result }, 0);
  }
  return counters;
}
