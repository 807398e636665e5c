import { once } from 'node:events';
import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net';

/** A TCP proxy in front of Redis that can lose the reply to a pipeline after Redis executed it. */
export interface LosingProxy extends AsyncDisposable {
  readonly url: string;
  /** Connections that clients opened so far. */
  readonly connections: number;
  /**
   * The next reply to XADD commands is cut off after so many bytes, and its connection with it.
   * Resolves once that happened.
   */
  loseNextReply(afterBytes?: number): Promise<void>;
}

export async function startLosingProxy(redisUrl: string): Promise<LosingProxy> {
  const target = new URL(redisUrl);
  const sockets = new Set<Socket>();
  let connections = 0;
  let plan: { readonly afterBytes: number; readonly done: () => void } | undefined;

  const server = createServer((client) => {
    connections += 1;
    const redis = dial(Number(target.port), target.hostname);
    let isAppending = false;
    for (const socket of [client, redis]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        redis.destroy();
      });
    }
    client.on('data', (bytes) => {
      isAppending ||= bytes.includes('xadd');
      redis.write(bytes);
    });
    redis.on('data', (bytes) => {
      if (plan === undefined || !isAppending) {
        client.write(bytes);
        return;
      }
      const { afterBytes, done } = plan;
      plan = undefined;
      client.end(bytes.subarray(0, afterBytes));
      redis.destroy();
      done();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return connections;
    },
    loseNextReply: (afterBytes = 0) =>
      new Promise((done) => {
        plan = { afterBytes, done };
      }),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
