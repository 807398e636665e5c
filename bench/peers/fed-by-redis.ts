import { Redis } from 'ioredis';
import { startPrivateRedis } from '../../src/demo/private-redis.ts';
import { redisOnPath } from '../../src/demo/redis-program.ts';
import { LOAD_CORE, pin, processOf } from '../harness/processes.ts';
import type { RunningCarrier } from '../live/live.ts';
import { ITEMS } from './item-stream.ts';

/** What a peer's server says once it is up. */
export interface PeerServer {
  readonly pid: number;
  readonly port: number;
  readonly path: string;
}

/** A Redis as durable as that of Tasktrail's own case, on the core of the load. */
export async function startPeerRedis(resources: AsyncDisposableStack): Promise<{
  readonly url: string;
  readonly redis: Redis;
}> {
  const server = resources.use(
    await startPrivateRedis({ finder: redisOnPath(process.env.PATH), appendOnly: true }),
  );
  const redis = new Redis(server.url);
  resources.defer(() => redis.disconnect());
  await pin(await processOf(redis), LOAD_CORE);
  return { url: server.url, redis };
}

/** A peer whose server is fed by a Redis stream, to which items are appended. */
export async function startFedByRedis(
  startServer: (redisUrl: string, resources: AsyncDisposableStack) => Promise<PeerServer>,
): Promise<RunningCarrier> {
  await using resources = new AsyncDisposableStack();
  const { url, redis } = await startPeerRedis(resources);
  const { pid, port, path } = await startServer(url, resources);
  const owned = resources.move();
  return {
    serverPid: pid,
    door: { port, requests: [sseRequest(path)] },
    publish: async (events) => {
      const pipeline = redis.pipeline();
      for (const { item } of events) pipeline.xadd(ITEMS, '*', 'json', JSON.stringify(item));
      await pipeline.exec();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

export function sseRequest(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n`;
}
