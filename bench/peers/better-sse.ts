import { SERVER_CORE, startWorker } from '../harness/processes.ts';
import type { Carrier } from '../live/live.ts';
import { startFedByRedis } from './fed-by-redis.ts';
import { versionOf } from './version-of.ts';

export const BETTER_SSE: Carrier = {
  name: 'better-sse',
  version: versionOf('better-sse'),
  start: () =>
    startFedByRedis(async (redisUrl, resources) => {
      const worker = resources.use(
        await startWorker(new URL('better-sse-process.ts', import.meta.url), SERVER_CORE),
      );
      const port = await worker.ask<number>({ redisUrl });
      return { pid: worker.pid, port, path: '/' };
    }),
};
