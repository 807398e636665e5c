import type { Redis } from 'ioredis';
import type { World } from '../oracle/world/world.ts';

/**
 * The same world, but what is connected to Redis through it is given back before the world ends: in
 * a long soak one actor follows the other, and each would leave a connection behind.
 */
export function borrowConnections(world: World): { world: World; giveBack: () => void } {
  const { store } = world;
  const clients: Redis[] = [];
  const borrowed: World['store'] = {
    kind: store.kind,
    url: store.url,
    connect: (name) => {
      const client = store.connect(name);
      clients.push(client);
      return client;
    },
    primary: () => store.primary(),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
  return {
    world: { ...world, store: borrowed },
    giveBack: () => {
      for (const client of clients.splice(0)) client.disconnect();
    },
  };
}
