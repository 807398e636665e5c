import { once } from 'node:events';
import { createServer } from 'node:net';
import { portToTry } from '../../../src/demo/redis-settings.ts';

/** A port that is free now, and is no ephemeral one: processes come back to theirs. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = portToTry(Math.random());
    const server = createServer();
    server.listen(port, '127.0.0.1');
    try {
      await once(server, 'listening');
    } catch {
      continue;
    }
    server.close();
    await once(server, 'close');
    return port;
  }
}
