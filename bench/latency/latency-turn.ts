import { setTimeout as delay } from 'node:timers/promises';
import { type Figures, GENERATOR_BUSY } from '../harness/bench.ts';
import { cpuSecondsOf, LOAD_CORE } from '../harness/processes.ts';
import { CoreBusy } from '../live/core-busy.ts';
import { Crowd } from '../live/crowd.ts';
import type { Carrier } from '../live/live.ts';
import { Workload } from '../live/workload.ts';

export interface LatencyOptions {
  readonly viewers: number;
  readonly eventsPerSecond: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

const POLL_MS = 100;
/** After so long without any event nothing more is under way. */
const QUIET_MS = 1000;
/** So long is waited for that: what comes later counts as not delivered. */
const PATIENCE_MS = 15_000;

/** Events one at a time; every viewer looks at every one of them, for its time and its place. */
export async function measureLatency(carrier: Carrier, options: LatencyOptions): Promise<Figures> {
  const { viewers, eventsPerSecond, warmUpSeconds, seconds } = options;
  await using running = await carrier.start(viewers);
  const { door, serverPid } = running;
  await using crowd = await Crowd.open({ door, viewers, scanning: viewers, mayMiss: false });
  const workload = new Workload();
  const publish = async (forSeconds: number) => {
    const before = workload.made;
    const events = Math.round(eventsPerSecond * forSeconds);
    const startedAt = performance.now();
    const underWay: Promise<void>[] = [];
    while (workload.made - before < events) {
      const due = startedAt + ((workload.made - before) * 1000) / eventsPerSecond;
      const waitMs = due - performance.now();
      if (waitMs > 0) await delay(waitMs);
      underWay.push(running.publish(workload.make(1)));
    }
    await Promise.all(underWay);
    await untilQuiet(crowd, events * viewers);
    return events * viewers;
  };
  await publish(warmUpSeconds);
  await crowd.begin();
  const cpuBefore = await cpuSecondsOf(serverPid);
  const busy = await CoreBusy.begin(LOAD_CORE);
  const startedAt = performance.now();
  const measured = publish(seconds);
  await delay(seconds * 1000);
  const busyPercent = await busy.percent();
  const cpuSeconds = (await cpuSecondsOf(serverPid)) - cpuBefore;
  const cpuPercent = (cpuSeconds / (performance.now() - startedAt)) * 1e5;
  const due = await measured;
  const { p50Ms, p99Ms, scannedEvents, faults } = await crowd.count();
  if (scannedEvents === due && faults > 0) throw new Error(`${faults} events came out of order`);
  return {
    p50: p50Ms,
    p99: p99Ms,
    delivered: (scannedEvents / due) * 100,
    'server busy': cpuPercent,
    [GENERATOR_BUSY]: busyPercent,
  };
}

async function untilQuiet(crowd: Crowd, due: number): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const { scannedEvents, idleMs } = await crowd.count();
    if (scannedEvents >= due || idleMs > QUIET_MS || performance.now() > deadline) return;
    await delay(POLL_MS);
  }
}
