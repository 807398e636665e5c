/**
 * Settles as the work does, or rejects with the signal's reason as soon as it aborts: neither a
 * search for credentials nor a hung network file system listens to a signal.
 */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort);
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    // Where the signal won, a later failure of the work has nobody left to hear it.
    work.catch(() => undefined);
  }
}
