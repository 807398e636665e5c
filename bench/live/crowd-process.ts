import { answer } from '../harness/processes.ts';
import type { CrowdCounts, ToCrowd } from './crowd.ts';
import { type CrowdTally, CrowdViewer } from './crowd-viewer.ts';
import { TimeCounts } from './time-counts.ts';
import { monotonicUs } from './workload.ts';

/** Viewers that open at once: more would overflow a server's queue of connections. */
const OPENING = 100;

const times = new TimeCounts();
const tally: CrowdTally = { bytes: 0, scannedBytes: 0, scannedEvents: 0, faults: 0 };
let lastEventUs = 0;
let failure: Error | undefined;

answer<ToCrowd>(async (message) => {
  if (message.kind === 'open') await open(message);
  const counts = count();
  if (message.kind === 'begin') clear();
  if (failure !== undefined) throw failure;
  return counts;
});

async function open({ door, viewers, scanning, mayMiss }: Extract<ToCrowd, { kind: 'open' }>) {
  for (let first = 0; first < viewers; first += OPENING) {
    const batch = Array.from({ length: Math.min(OPENING, viewers - first) }, (_, n) => first + n);
    await Promise.all(
      batch.map(
        (n) =>
          new Promise<void>((resolve, reject) => {
            new CrowdViewer({
              port: door.port,
              request: door.requests[n % door.requests.length] ?? '',
              greeting: door.greeting,
              scans: n < scanning,
              mayMiss,
              tally,
              onOpen: resolve,
              onFault: (fault) => {
                failure ??= fault;
                reject(fault);
              },
              onEvent: (atUs) => {
                lastEventUs = monotonicUs();
                times.add(lastEventUs - atUs);
              },
            });
          }),
      ),
    );
  }
}

function count(): CrowdCounts {
  return {
    ...tally,
    idleMs: (monotonicUs() - lastEventUs) / 1000,
    p50Ms: times.quantile(0.5),
    p99Ms: times.quantile(0.99),
  };
}

function clear(): void {
  Object.assign(tally, { bytes: 0, scannedBytes: 0, scannedEvents: 0, faults: 0 });
  times.clear();
}
