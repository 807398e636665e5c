import { Queue } from 'bullmq';
import { LOAD_CORE, SERVER_CORE, startWorker } from '../harness/processes.ts';
import type { Carrier } from '../live/live.ts';
import type { ToBullmq } from './bullmq-events-process.ts';
import { sseRequest, startPeerRedis } from './fed-by-redis.ts';
import { versionOf } from './version-of.ts';

const MODULE = new URL('bullmq-events-process.ts', import.meta.url);
export const QUEUE = 'items';

/** Jobs whose worker does nothing but return them; QueueEvents tells a bare server, and it its viewers. */
export const BULLMQ_EVENTS: Carrier = {
  name: 'BullMQ QueueEvents',
  version: versionOf('bullmq'),
  start: async () => {
    await using resources = new AsyncDisposableStack();
    const { url: redisUrl } = await startPeerRedis(resources);
    const server = resources.use(await startWorker(MODULE, SERVER_CORE));
    const port = await server.ask<number>({ kind: 'serve', redisUrl } satisfies ToBullmq);
    const worker = resources.use(await startWorker(MODULE, LOAD_CORE));
    await worker.ask({ kind: 'work', redisUrl } satisfies ToBullmq);
    const queue = new Queue(QUEUE, { connection: { url: redisUrl } });
    resources.defer(() => queue.close());
    const owned = resources.move();
    const opts = { removeOnComplete: { count: 1000 } };
    return {
      serverPid: server.pid,
      door: { port, requests: [sseRequest('/')] },
      publish: async (events) => {
        await queue.addBulk(events.map(({ item }) => ({ name: 'item', data: item, opts })));
      },
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  },
};
