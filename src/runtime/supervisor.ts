import type { Service } from './service.ts';

/**
 * Runs services together. When the signal aborts, `drain` runs first while all of them still work,
 * and then they are stopped. When one fails for good, the others are stopped at once.
 *
 * @param drain takes leave of those who are served; its failure does not keep services from stopping
 * @throws what failed first, be it a service or the drain
 */
export async function runServices(
  services: readonly Service[],
  signal: AbortSignal,
  drain: () => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const failures: unknown[] = [];
  const running = services.map(async (service) => {
    try {
      await service.run(stop.signal);
    } catch (error) {
      failures.push(error);
    } finally {
      // None of them ends before it is told to, unless it failed.
      stop.abort();
    }
  });
  const drained = whenAborted(AbortSignal.any([signal, stop.signal])).then(async () => {
    try {
      if (!stop.signal.aborted) await drain();
    } catch (error) {
      failures.push(error);
    } finally {
      stop.abort();
    }
  });
  await Promise.all([...running, drained]);
  // The first in time: others may fail only because they are stopped.
  if (failures.length > 0) throw failures[0];
}

async function whenAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
