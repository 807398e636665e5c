import { Counter, Gauge, type Registry } from 'prom-client';

/** What the limits of the server hold back; every label begins at 0. */
export function limitMetrics(registry: Registry) {
  const registers = [registry];
  const counters = {
    snapshotRefused: new Counter({
      name: 'tasktrail_snapshot_refused_total',
      help: 'Requests for snapshot pages that got no place, by reason.',
      labelNames: ['reason'] as const,
      registers,
    }),
    connectionsRefused: new Counter({
      name: 'tasktrail_connections_refused_total',
      help: 'Connections that were refused, by the limit that they met.',
      labelNames: ['limit'] as const,
      registers,
    }),
    badRequests: new Counter({
      name: 'tasktrail_bad_requests_total',
      help: 'What was no request, or came too slowly, with too long a head or too much at once, by status.',
      labelNames: ['status'] as const,
      registers,
    }),
    answersCut: new Counter({
      name: 'tasktrail_answers_cut_total',
      help: 'Answers whose clients did not read them, by the limit that they met.',
      labelNames: ['limit'] as const,
      registers,
    }),
  };
  for (const reason of ['queue_full', 'queue_timeout']) counters.snapshotRefused.inc({ reason }, 0);
  for (const limit of ['process', 'address']) counters.connectionsRefused.inc({ limit }, 0);
  for (const status of ['400', '408', '429', '431']) counters.badRequests.inc({ status }, 0);
  for (const limit of ['time', 'memory']) counters.answersCut.inc({ limit }, 0);
  return {
    ...counters,
    snapshotInWork: new Gauge({
      name: 'tasktrail_snapshot_in_work',
      help: 'Snapshot pages that are worked on now.',
      registers,
    }),
    snapshotWaiting: new Gauge({
      name: 'tasktrail_snapshot_waiting',
      help: 'Requests that wait now for a place to have their snapshot page worked on.',
      registers,
    }),
    connectionsOpen: new Gauge({
      name: 'tasktrail_connections_open',
      help: 'Connections that are open now on the port for dashboards.',
      registers,
    }),
  };
}
