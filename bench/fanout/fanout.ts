import type { BenchCase, BenchPart, Contestant } from '../harness/bench.ts';
import { GENERATOR_BUSY } from '../harness/bench.ts';
import type { Carrier } from '../live/live.ts';
import { tasktrail } from '../live/tasktrail.ts';
import { BARE_SSE } from '../peers/bare-sse.ts';
import { BETTER_SSE } from '../peers/better-sse.ts';
import { NCHAN } from '../peers/nchan.ts';
import { measureAudience } from './audience-turn.ts';
import { type FanOutOptions, measureFanOut } from './fan-out-turn.ts';

const METHOD = `
Fifty events every 100 ms, each told to every viewer. It counts what has come to the viewers within
three seconds; what a server still owes them then does not. The way is the whole one: Tasktrail's
events are appended to its event stream, applied by its projector and told by \`tasktrail serve\`. The
peers are fed by a Redis stream from which they read as soon as there is something: better-sse and the
bare server read it themselves, for Nchan a process reads and publishes over one connection without
waiting for answers. Every frame holds the same item as JSON. The bare server is one of Node that makes
one Buffer of all that one read brought and writes it to each viewer; nothing else of what Tasktrail
does: no tokens, no filters, no positions to go on from, no bound for viewers who do not read.

The server, or nginx's one worker, has a core of its own; Redis, the projector, whoever publishes and
the viewers share the other. Viewers are sockets of one process: a few read and check every frame, the
others count bytes, which are frames by what those few saw.

The second kind of case switches enforcement on: every viewer is another person, and each task is seen
by three of them. What an event costs is the processor time of the server, less what the viewers cost it
while nothing happens.
`;

const OURS = tasktrail();
/** So many that all of a server's core goes into telling them. */
const MANY = 10_000;

export const PART: BenchPart = {
  id: 'fanout',
  title: 'Fan-out',
  method: METHOD,
  cases: async (isQuick) => {
    const times = { warmUpSeconds: 1, seconds: isQuick ? 1 : 3 };
    const sizes = isQuick ? [100] : [1000, 5000, 10_000];
    const crowds = isQuick ? [100, 200] : [1000, 10_000];
    return [
      ...sizes.map((viewers) => burstCase({ viewers, ...times })),
      audienceCase(crowds, times),
    ];
  },
};

function burstCase(options: FanOutOptions): BenchCase {
  const { viewers } = options;
  const contestantOf = (carrier: Carrier): Contestant => ({
    ...contestant(carrier),
    measure: () => measureFanOut(carrier, options),
  });
  return {
    id: `burst-${viewers}`,
    title: `Bursts of 50 events each 100 ms, ${viewers.toLocaleString('en')} viewers`,
    figures: {
      'deliveries/s': { unit: 'deliveries/s', better: 'more' },
      'CPU per delivery': { unit: 'µs', better: 'less' },
      frame: { unit: 'B', better: 'less' },
      [GENERATOR_BUSY]: { unit: '%', better: 'less' },
    },
    contestants: [OURS, NCHAN, BARE_SSE, BETTER_SSE].map(contestantOf),
    targets: [
      // Few viewers are never owed twenty times what Nchan can deliver: what each delivery costs tells.
      { contestant: OURS.name, figure: 'CPU per delivery', against: NCHAN.name, atMost: 1 / 20 },
      ...(viewers >= MANY
        ? [{ contestant: OURS.name, figure: 'deliveries/s', against: NCHAN.name, atLeast: 20 }]
        : []),
    ],
    plotted: 'deliveries/s',
    isGuarded: viewers === 1000,
  };
}

function audienceCase(crowds: readonly number[], times: Omit<FanOutOptions, 'viewers'>): BenchCase {
  const nameOf = (viewers: number) => `tasktrail, ${viewers.toLocaleString('en')} viewers`;
  const [few = 0, many = 0] = crowds;
  return {
    id: 'audience',
    title: 'Enforcement on: each event seen by three of all viewers',
    figures: {
      'CPU per event': { unit: 'µs', better: 'less' },
      'viewers told': { unit: 'viewers', better: 'less' },
      'CPU while idle': { unit: '%', better: 'less' },
      [GENERATOR_BUSY]: { unit: '%', better: 'less' },
    },
    contestants: crowds.map((viewers) => {
      const carrier = tasktrail({ name: nameOf(viewers), isEnforced: true });
      return {
        ...contestant(carrier),
        measure: () => measureAudience(carrier, { viewers, ...times }),
      };
    }),
    targets: [
      { contestant: nameOf(many), figure: 'CPU per event', against: nameOf(few), atMost: 1.5 },
    ],
    plotted: 'CPU per event',
  };
}

function contestant({ name, version, missing }: Carrier): Omit<Contestant, 'measure'> {
  return { name, version, ...(missing !== undefined && { missing }) };
}
