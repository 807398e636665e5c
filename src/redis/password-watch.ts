import type { ConnectionListener, RedisClient } from './redis-client.ts';

const LOOK_EVERY_MS = 2000;

/**
 * While the connection is open, looks whether its password was changed, and shows Redis the new one
 * at once. An open connection would do without: but so whoever rotates passwords learns whether the
 * new one is right while the old one still works, and not when a connection breaks at night.
 */
export function watchPassword(
  client: RedisClient,
  { onError, onSignedInAgain }: ConnectionListener,
): void {
  let timer: NodeJS.Timeout | undefined;
  const look = () => {
    client
      .signInAgain()
      .then((isAnother) => {
        if (isAnother) onSignedInAgain?.();
      })
      .catch(onError);
  };
  const stop = () => clearInterval(timer);
  client.on('ready', () => {
    stop();
    timer = setInterval(look, LOOK_EVERY_MS).unref();
  });
  client.on('close', stop);
}
