import { SERVER_CORE, startWorker } from '../harness/processes.ts';
import type { Carrier } from '../live/live.ts';
import { startFedByRedis } from './fed-by-redis.ts';

/** The least that a Node server can do for its viewers, as somebody would write it who knows how. */
export const BARE_SSE: Carrier = {
  name: 'bare Node SSE',
  version: `node ${process.version}`,
  start: () =>
    startFedByRedis(async (redisUrl, resources) => {
      const worker = resources.use(
        await startWorker(new URL('bare-sse-process.ts', import.meta.url), SERVER_CORE),
      );
      const port = await worker.ask<number>({ redisUrl });
      return { pid: worker.pid, port, path: '/' };
    }),
};
