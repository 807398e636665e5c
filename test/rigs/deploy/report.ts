import type { Reconnects } from './reconnects.ts';
import type { Handover, Restart } from './restarts.ts';

/** What a restart looked like, for a person. */
export function describeRestart(
  { name, signal, signalledAtMs, readyAtMs }: Restart,
  { viewers, perSecond, limit, medianMs, longestMs }: Reconnects,
): string {
  return (
    `${name}, ${signal}: ready again after ${inSeconds(readyAtMs - signalledAtMs)}; ${viewers} viewers ` +
    `came back, each second ${perSecond.join(' ')} (${limit} at most); they were away for ` +
    `${inSeconds(medianMs)}, the longest for ${inSeconds(longestMs)}`
  );
}

export function describeHandover({ name, signal, longestWaitMs, boundMs }: Handover): string {
  return (
    `${name} applied, ${signal}: an event waited for ${inSeconds(longestWaitMs)} at most ` +
    `(${inSeconds(boundMs)} is the bound)`
  );
}

function inSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
