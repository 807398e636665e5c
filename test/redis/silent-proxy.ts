import { once } from 'node:events';
import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A TCP proxy in front of Redis that can fall silent, as a network does that loses every packet. */
export interface SilentProxy {
  readonly url: string;
  /** Connections that are open now. */
  readonly connections: number;
  /** From now on every connection stands, new ones too, and nothing passes. */
  fallSilent(): void;
  /** New connections work again. Those that were ever silent stay so: their peer is gone. */
  recover(): void;
  /** Resets all connections. */
  cut(): void;
}

/** It lives until the test ends. */
export async function startSilentProxy(redisUrl: string): Promise<SilentProxy> {
  const target = new URL(redisUrl);
  const clients = new Map<Socket, { isSilent: boolean }>();
  let isSilent = false;
  const server = createServer((client) => {
    const state = { isSilent };
    clients.set(client, state);
    const redis = dial(Number(target.port), target.hostname);
    const pass = (to: Socket) => (bytes: Buffer) => {
      if (!state.isSilent) to.write(bytes);
    };
    client.on('data', pass(redis));
    redis.on('data', pass(client));
    for (const socket of [client, redis]) {
      socket.on('error', () => {});
      socket.on('close', () => {
        clients.delete(client);
        client.destroy();
        redis.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const client of clients.keys()) client.resetAndDestroy();
  };
  onTestFinished(() => {
    server.close();
    cut();
  });
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return clients.size;
    },
    fallSilent: () => {
      isSilent = true;
      for (const state of clients.values()) state.isSilent = true;
    },
    recover: () => {
      isSilent = false;
    },
    cut,
  };
}
