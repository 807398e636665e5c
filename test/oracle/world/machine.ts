import { availableParallelism, loadavg } from 'node:os';

/** What hangs must be found out at last. */
const MOST = 6;

/**
 * How long something may take on this machine now, in milliseconds: as many times longer as there is
 * more to run than there are cores. What is measured is told as it was.
 *
 * @param ms how long it may take where nothing else runs
 */
export function patienceMs(ms: number): number {
  const [lastMinute = 0] = loadavg();
  const slowness = lastMinute / availableParallelism();
  return Math.round(ms * Math.min(MOST, Math.max(1, slowness)));
}
