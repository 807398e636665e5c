import type { Service } from './service.ts';

/**
 * Runs services together. When the signal aborts, `drain` runs first while all of them still work,
 * and then they are stopped. When one fails for good, the others are stopped at once.
 *
 * @param drain takes leave of those who are served; its failure does not keep services from stopping
 * @throws what the first failing service rejected with
 */
export async function runServices(
  services: readonly Service[],
  signal: AbortSignal,
  drain: () => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const running = services.map(async (service) => {
    try {
      await service.run(stop.signal);
    } finally {
      // None of them ends before it is told to, unless it failed.
      stop.abort();
    }
  });
  const drained = whenAborted(AbortSignal.any([signal, stop.signal])).then(async () => {
    try {
      if (!stop.signal.aborted) await drain();
    } finally {
      stop.abort();
    }
  });
  const results = await Promise.allSettled([...running, drained]);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

async function whenAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
