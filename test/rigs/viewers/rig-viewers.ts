import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { quantile } from '../../../bench/harness/statistics.ts';
import { residentBytes } from '../../oracle/world/memory.ts';
import { NumberedChanges } from '../changes.ts';
import { inOwnNetwork } from '../own-network.ts';
import { RigViewer } from '../rig-viewer.ts';
import { startSetting } from '../setting.ts';
import type { CrowdOutcome, FromCrowd, ToCrowd } from './crowd-messages.ts';
import { readOptions } from './rig-options.ts';
import { ServerWatch } from './server-watch.ts';
import { inMib, judge, type Round } from './verdict.ts';

/**
 * Viewers that misbehave beside healthy ones, while tasks change. Rounds with and without them take
 * turns, so that whatever else the machine does falls on both alike: what counts is the ratio.
 */
const options = readOptions(process.argv.slice(2));
if (options === undefined) process.exit(2);
const { healthy, never, trickle, vanish, rate, bytes, seconds, replay } = options;

/** Streams of one token: well below the limit of a viewer. */
const STREAMS_A_TOKEN = 40;
/** Of a round. To come all at once is another misdeed than not to read, and would hide it. */
const ARRIVE_SHARE = 1 / 4;
/** So that no round begins with what the one before left behind. */
const REST_MS = 2000;

const network = await inOwnNetwork();
await using setting = await startSetting({ TASK_DASHBOARD_REPLAY_LIMIT: String(replay) });
await setting.start('projector', 'projector');
const server = await setting.start('server', 'serve');
while ((await server.probe('readyz')) !== 200) await delay(50);
const changes = new NumberedChanges({ redis: setting.redis, bytes });
let delaysMs: number[] | undefined;
const viewers = startHealthy();
changes.start(rate);
await delay(REST_MS);
await using watch = new ServerWatch(server);
const calmBytes = await residentBytes(server.pid);
console.log(
  `${healthy} healthy viewers, ${rate} changes a second of about ${bytes} B; ${network} network; ` +
    `${machine()}; the server takes ${inMib(calmBytes)}`,
);

const rounds: Round[] = [];
for (let round = 0; round < options.rounds; round += 1) {
  const aloneMs = await observe('alone ');
  const crowd = fork(fileURLToPath(new URL('crowd-process.ts', import.meta.url)));
  const besideMs = await observe('beside', crowd);
  rounds.push({ aloneMs, besideMs, outcome: await readOn(crowd) });
  crowd.disconnect();
  await once(crowd, 'exit');
  await delay(REST_MS);
}
await changes.stop();
await delay(REST_MS);
for (const viewer of viewers) viewer.stop();
const findings = judge({
  rounds,
  calmBytes,
  peakBytes: watch.all.bytes,
  endBytes: await residentBytes(server.pid),
  factors: {
    streams: watch.all.streams,
    replayLimit: replay,
    frameBytes: Math.max(...viewers.map(({ largestFrame }) => largestFrame)),
  },
  faults: viewers.flatMap(({ faults }) => faults),
  refreshes: viewers.reduce((sum, viewer) => sum + viewer.refreshes, 0),
  gaps: gaps(),
});
for (const { isKept, text } of findings) console.log(`${isKept ? 'kept  ' : 'BROKEN'} ${text}`);
console.log(machine());
process.exitCode = findings.every(({ isKept }) => isKept) ? 0 : 1;

function startHealthy(): RigViewer[] {
  const tokens = setting.signIn(Math.ceil(healthy / STREAMS_A_TOKEN));
  return Array.from({ length: healthy }, (_, n) =>
    new RigViewer({
      url: server.url,
      token: tokens[n % tokens.length] ?? '',
      onChange: (number) => delaysMs?.push(performance.now() - (changes.sentAtMs[number] ?? 0)),
    }).start(),
  );
}

/** How long changes took to the healthy viewers, for a while, and until all the others are there. */
async function observe(title: string, crowd?: ChildProcess): Promise<number[]> {
  const current: number[] = [];
  delaysMs = current;
  const peak = watch.begin();
  const time = delay(seconds * 1000);
  if (crowd !== undefined) {
    const tokens = setting.signIn(Math.ceil((never + trickle + vanish / 10) / STREAMS_A_TOKEN));
    const times = { arriveMs: ARRIVE_SHARE * seconds * 1000, vanishMs: seconds * 1000 };
    const plan = { url: server.url, tokens, never, trickle, vanish, ...times };
    const isThere = once(crowd, 'message');
    crowd.send({ kind: 'misbehave', plan } satisfies ToCrowd);
    await isThere;
  }
  await time;
  delaysMs = undefined;
  const [p50, p99] = [quantile(current, 0.5), quantile(current, 0.99)];
  console.log(
    `${title} p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, ${current.length} deliveries; ` +
      `${inMib(peak.bytes)} at most, ${peak.streams} streams, ${peak.parked} parked; ${machine()}`,
  );
  return current;
}

/** All of the others read on, until each of them has the latest change. */
async function readOn(crowd: ChildProcess): Promise<CrowdOutcome> {
  const peak = watch.begin();
  // Changes go on after they have begun to read on: what they see last was not waiting for them.
  const last = changes.last + 5 * rate;
  const answer = once(crowd, 'message') as Promise<[Extract<FromCrowd, { kind: 'has-read' }>]>;
  crowd.send({ kind: 'read-on', last } satisfies ToCrowd);
  const [outcome] = await answer;
  const { whole, refreshed, reconnected, behind, vanished, ends } = outcome;
  console.log(
    `read on: ${whole} missed nothing, ${refreshed} were told to refresh, ${behind} are behind; ` +
      `${reconnected} came back on another connection ${JSON.stringify(ends)}; ` +
      `${vanished} had vanished; ${inMib(peak.bytes)} at most`,
  );
  return outcome;
}

/** Where a stream did not begin with the change right after its position. */
function gaps(): number {
  const beginnings = [
    ...viewers.flatMap((viewer) => viewer.beginnings),
    ...rounds.flatMap(({ outcome }) => outcome.beginnings),
  ];
  return beginnings.filter((one) => !changes.isNext(one)).length;
}

/** What else the machine does is in every number. */
function machine(): string {
  return `load ${loadavg()[0]?.toFixed(1)} on ${availableParallelism()} cores`;
}
