import {
  type BenchCase,
  type BenchPart,
  type Contestant,
  GENERATOR_BUSY,
} from '../harness/bench.ts';
import type { Carrier } from '../live/live.ts';
import { tasktrail } from '../live/tasktrail.ts';
import { BARE_SSE } from '../peers/bare-sse.ts';
import { BETTER_SSE } from '../peers/better-sse.ts';
import { BULLMQ_EVENTS } from '../peers/bullmq-events.ts';
import { NCHAN } from '../peers/nchan.ts';
import { SOCKET_IO } from '../peers/socket-io.ts';
import { type LatencyOptions, measureLatency } from './latency-turn.ts';

const METHOD = `
Events one at a time, at a steady rate. An event says when it was sent, by the clock that all
processes of the machine share, and every viewer looks at every frame: the quantiles are over all
deliveries to all viewers, the last viewer's as well as the first's. A viewer that missed an event or
saw two in another order would fail the turn, or count as not delivered.

Tasktrail's way is the whole one: XADD by the sender, the projector, the change feed, \`tasktrail serve\`.
Bare Node, better-sse and Nchan do less: they tell what was appended to a Redis stream, as it is. The
first two read it themselves, each read waiting in Redis for the next entry; for Nchan a process does,
and publishes over one connection without waiting for answers. Socket.IO's sender is a server of its own
without viewers, which reaches the measured one by the adapter for Redis streams. BullMQ's is a queue
whose worker returns what it is given; the server, bare again, is told by QueueEvents.

The server, or nginx's one worker, has a core of its own; Redis, the projector, workers, senders and
the viewers share the other.
`;

const BEST = [NCHAN, BARE_SSE, SOCKET_IO];
const ALL = [...BEST, BETTER_SSE, BULLMQ_EVENTS];

export const PART: BenchPart = {
  id: 'latency',
  title: 'From XADD to the viewer',
  method: METHOD,
  cases: async (isQuick) => {
    const times = { warmUpSeconds: 1, seconds: isQuick ? 1 : 3 };
    if (isQuick) return [latencyCase({ viewers: 100, eventsPerSecond: 20, ...times }, {}, ALL)];
    return [
      latencyCase({ viewers: 1000, eventsPerSecond: 20, ...times }, { p50: 5, p99: 15 }, ALL),
      latencyCase({ viewers: 1000, eventsPerSecond: 100, ...times }, { p99: 100 }, BEST),
      latencyCase({ viewers: 5000, eventsPerSecond: 100, ...times }, { p99: 200 }, BEST),
    ];
  },
};

function latencyCase(
  options: LatencyOptions,
  atMost: { readonly p50?: number; readonly p99?: number },
  peers: readonly Carrier[],
): BenchCase {
  const { viewers, eventsPerSecond } = options;
  const contestantOf = (carrier: Carrier): Contestant => ({
    name: carrier.name,
    version: carrier.version,
    ...(carrier.missing !== undefined && { missing: carrier.missing }),
    measure: () => measureLatency(carrier, options),
  });
  const ours = tasktrail();
  return {
    id: `${eventsPerSecond}-a-second-${viewers}`,
    title: `${eventsPerSecond} events a second, ${viewers.toLocaleString('en')} viewers`,
    figures: {
      p50: { unit: 'ms', better: 'less' },
      p99: { unit: 'ms', better: 'less' },
      delivered: { unit: '%', better: 'more' },
      'server busy': { unit: '%', better: 'less' },
      [GENERATOR_BUSY]: { unit: '%', better: 'less' },
    },
    contestants: [ours, ...peers].map(contestantOf),
    targets: [
      { contestant: ours.name, figure: 'delivered', atLeast: 100 },
      ...Object.entries(atMost).flatMap(([figure, most]) => [
        { contestant: ours.name, figure, atMost: most },
        { contestant: ours.name, figure, against: NCHAN.name, atMost: 1 },
      ]),
    ],
    plotted: 'p99',
    isGuarded: viewers === 1000 && eventsPerSecond === 20,
  };
}
