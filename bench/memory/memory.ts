import type { BenchCase, BenchPart, Contestant } from '../harness/bench.ts';
import { SERVER_CORE, startWorker } from '../harness/processes.ts';
import { startIdleNchan } from '../peers/idle-nchan.ts';
import { figureOf, measureIdle, UNDER_LOAD } from './idle.ts';
import { type IdleServer, serveFrom } from './idle-server.ts';
import { startTasktrail } from './tasktrail.ts';

export const PART: BenchPart = {
  id: 'memory',
  title: 'Memory',
  method: ``,
  cases: async (isQuick) => [idleCase(isQuick ? [100, 200] : [1000, 5000, 10_000])],
};

function idleCase(sizes: readonly number[]): BenchCase {
  const most = Math.max(...sizes);
  const contestant = (
    name: string,
    version: string,
    start: () => Promise<IdleServer>,
  ): Contestant => ({ name, version, measure: () => measureIdle(start, sizes) });
  return {
    id: 'idle-streams',
    title: 'Resident memory of an idle stream',
    figures: {
      ...Object.fromEntries(sizes.map((size) => [figureOf(size), { unit: 'KB', better: 'less' }])),
      [UNDER_LOAD]: { unit: 'KB', better: 'less' },
      'without streams': { unit: 'MB', better: 'less' },
    },
    contestants: [
      contestant('tasktrail', 'this', () => startTasktrail(most)),
      contestant(
        'bare Node',
        process.version,
        async () => await node('idle-node', '/', 'event: keepalive'),
      ),
      contestant('Nchan', '1', startIdleNchan),
      contestant('Socket.IO', '1', () =>
        node('idle-socket-io', '/socket.io/?EIO=4&transport=websocket', '40'),
      ),
      contestant('better-sse', '1', () => node('idle-better-sse', '/', 'event:live')),
    ],
    targets: [],
  };
}

async function node(name: string, path: string, mark: string): Promise<IdleServer> {
  const worker = await startWorker(
    new URL(`../peers/${name}-process.ts`, import.meta.url),
    SERVER_CORE,
  );
  const protocol = name === 'idle-socket-io' ? 'socket.io' : 'sse';
  return await serveFrom(worker, { path, mark, protocol });
}
