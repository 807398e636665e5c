import { setTimeout as delay } from 'node:timers/promises';
import { type Figures, GENERATOR_BUSY } from '../harness/bench.ts';
import { cpuSecondsOf, LOAD_CORE } from '../harness/processes.ts';
import { CoreBusy } from '../live/core-busy.ts';
import { Crowd, deliveriesOf } from '../live/crowd.ts';
import type { Carrier } from '../live/live.ts';
import { Workload } from '../live/workload.ts';
import { BURST, everyBurst } from './bursts.ts';

export interface FanOutOptions {
  readonly viewers: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

/** Viewers that read and check every event, of those who otherwise count bytes. */
const SCANNING = 5;

/** Bursts until the time is up; what had come to viewers by then counts, and not what is still under way. */
export async function measureFanOut(carrier: Carrier, options: FanOutOptions): Promise<Figures> {
  const { viewers, warmUpSeconds, seconds } = options;
  await using running = await carrier.start(viewers);
  const { door, serverPid } = running;
  await using crowd = await Crowd.open({ door, viewers, scanning: SCANNING, mayMiss: false });
  const workload = new Workload();
  await using _ = everyBurst(() => running.publish(workload.make(BURST)));
  await delay(warmUpSeconds * 1000);
  await crowd.begin();
  const [cpuBefore, busy, startedAt] = [
    await cpuSecondsOf(serverPid),
    await CoreBusy.begin(LOAD_CORE),
    performance.now(),
  ];
  await delay(seconds * 1000);
  const counts = await crowd.count();
  const tookSeconds = (performance.now() - startedAt) / 1000;
  const cpuSeconds = (await cpuSecondsOf(serverPid)) - cpuBefore;
  const deliveries = deliveriesOf(counts);
  if (counts.faults > 0) throw new Error(`${counts.faults} events came out of order or not at all`);
  return {
    'deliveries/s': deliveries / tookSeconds,
    'CPU per delivery': (cpuSeconds / deliveries) * 1e6,
    frame: counts.scannedBytes / counts.scannedEvents,
    [GENERATOR_BUSY]: await busy.percent(),
  };
}
