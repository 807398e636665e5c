import { setTimeout as delay } from 'node:timers/promises';
import { type Figures, GENERATOR_BUSY } from '../harness/bench.ts';
import { cpuSecondsOf, LOAD_CORE } from '../harness/processes.ts';
import { CoreBusy } from '../live/core-busy.ts';
import { Crowd } from '../live/crowd.ts';
import type { Carrier } from '../live/live.ts';
import { Workload } from '../live/workload.ts';
import { BURST, everyBurst } from './bursts.ts';
import type { FanOutOptions } from './fan-out-turn.ts';

/** People who may see a task; all others may not. */
const AUDIENCE = 3;
/** Not next to each other, so that an event's people are spread over all viewers. */
const STRIDE = 7919;

/** What an event costs the server beyond what its viewers cost it while nothing happens. */
export async function measureAudience(carrier: Carrier, options: FanOutOptions): Promise<Figures> {
  const { viewers, warmUpSeconds, seconds } = options;
  await using running = await carrier.start(viewers);
  const { door, serverPid } = running;
  await using crowd = await Crowd.open({ door, viewers, scanning: viewers, mayMiss: true });
  await delay(warmUpSeconds * 1000);
  const idle = await cpuShare(serverPid, seconds);
  const workload = new Workload((number) =>
    // A task keeps its people, so that nobody is told of having lost it.
    Array.from({ length: AUDIENCE }, (_, n) => {
      const viewer = ((number % BURST) * AUDIENCE + n) * STRIDE;
      return `google:viewer-${viewer % viewers}@example.com`;
    }),
  );
  await using _ = everyBurst(() => running.publish(workload.make(BURST)));
  await delay(warmUpSeconds * 1000);
  await crowd.begin();
  const [busy, before] = [await CoreBusy.begin(LOAD_CORE), workload.made];
  const share = await cpuShare(serverPid, seconds);
  const events = workload.made - before;
  const { scannedEvents } = await crowd.count();
  return {
    'CPU per event': ((share - idle) * seconds * 1e6) / events,
    'viewers told': scannedEvents / events,
    'CPU while idle': idle * 100,
    [GENERATOR_BUSY]: await busy.percent(),
  };
}

/** Which share of a core a process takes. */
async function cpuShare(pid: number, seconds: number): Promise<number> {
  const [startedAt, before] = [performance.now(), await cpuSecondsOf(pid)];
  await delay(seconds * 1000);
  const took = (performance.now() - startedAt) / 1000;
  return ((await cpuSecondsOf(pid)) - before) / took;
}
