/** Events that come at once. */
export const BURST = 50;
const EVERY_MS = 100;

/** Ten bursts a second, whether or not the one before has been taken, until disposed. */
export function everyBurst(publish: () => Promise<void>): AsyncDisposable {
  const underWay = new Set<Promise<void>>();
  const timer = setInterval(() => {
    const burst = publish().finally(() => underWay.delete(burst));
    underWay.add(burst);
  }, EVERY_MS);
  return {
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      await Promise.all(underWay);
    },
  };
}
