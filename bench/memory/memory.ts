import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import type { BenchCase, BenchPart, Contestant } from '../harness/bench.ts';
import { SERVER_CORE, startWorker } from '../harness/processes.ts';
import { MODULE, PROGRAM, startIdleNchan } from '../peers/idle-nchan.ts';
import { figureOf, measureIdle, UNDER_LOAD } from './idle.ts';
import { type IdleServer, serveFrom } from './idle-server.ts';
import { measureJobs, measureRows } from './rows.ts';
import { startTasktrail } from './tasktrail.ts';
import { LONG_SENTENCE } from './typical-task.ts';

const load = createRequire(import.meta.url);

export const PART: BenchPart = {
  id: 'memory',
  title: 'Memory',
  method: `**Idle streams.** By how much a server's resident memory (VmRSS) is larger than before the first stream,
divided by the streams: first so many idle ones, then the most of them with a message of about 400 B each
second. Every server says something to each of its streams once a second, and is looked at two seconds
after the last of them came. Nobody calls a garbage collector, and every Node runs with its own settings; a
good part of what Node takes is its young generation, which grows from 32 to 128 MB while streams come.
Tasktrail's streams each have a viewer and a Google token of their own. The others ask nobody who
they are: bare Node is a list of responses, better-sse a session a stream in one channel, Socket.IO is over
WebSocket alone and drops the request of each socket, as its documents advise, and Nchan is nginx with one
worker, whose shared memory counts. Viewers are a process on the other core.

**Executions.** By how much Redis' \`used_memory\` is larger, for each execution: queued, in progress and
done, with a pull request, an actor, a responsible user and a sentence. The event stream and the change feed are
taken off, since they are trimmed; what they take is told for each entry. A row and the ordered sets are as
\`MEMORY USAGE\` says; what is left is the key space itself, and what the allocator rounds up. A BullMQ job is
one that waits, with what the first event says.`,
  cases: async (isQuick) => [
    idleCase(isQuick ? [100, 200] : [1000, 5000, 10_000]),
    executionCase(isQuick ? 1000 : 50_000),
  ],
};

function idleCase(sizes: readonly number[]): BenchCase {
  const most = Math.max(...sizes);
  const contestant = (
    name: string,
    version: string,
    start: () => Promise<IdleServer>,
  ): Contestant => ({ name, version, measure: () => measureIdle(start, sizes) });
  const socketIoPath = '/socket.io/?EIO=4&transport=websocket';
  const nchan = nchanVersion();
  return {
    id: 'idle-streams',
    title: 'Resident memory of a stream',
    figures: {
      ...Object.fromEntries(sizes.map((size) => [figureOf(size), { unit: 'KB', better: 'less' }])),
      [UNDER_LOAD]: { unit: 'KB', better: 'less' },
      'without streams': { unit: 'MB', better: 'less' },
    },
    contestants: [
      contestant('tasktrail', versionOf('../../package.json'), () => startTasktrail(most)),
      contestant('bare Node', process.version, () => node('idle-node', '/', 'event: keepalive')),
      {
        ...contestant('Nchan', nchan ?? 'not here', startIdleNchan),
        ...(nchan === undefined && {
          missing: 'it is not installed: apt install libnginx-mod-nchan',
        }),
      },
      contestant('Socket.IO', versionOf('socket.io/package.json'), () =>
        node('idle-socket-io', socketIoPath, '40'),
      ),
      contestant('better-sse', versionOf('../../node_modules/better-sse/package.json'), () =>
        node('idle-better-sse', '/', 'event:live'),
      ),
    ],
    targets: [
      { contestant: 'tasktrail', figure: figureOf(most), atMost: 17 },
      { contestant: 'tasktrail', figure: figureOf(most), against: 'bare Node', atMost: 1 },
    ],
    plotted: figureOf(most),
    isGuarded: true,
  };
}

function executionCase(executions: number): BenchCase {
  const ours = versionOf('../../package.json');
  const compact = { 'hash-max-listpack-value': '512' };
  return {
    id: 'execution',
    title: `Redis memory of an execution, of ${executions.toLocaleString('en')}`,
    figures: {
      'all but events and feed': { unit: 'B', better: 'less' },
      row: { unit: 'B', better: 'less' },
      'ordered sets': { unit: 'B', better: 'less' },
      'an event': { unit: 'B', better: 'less' },
      'a change of the feed': { unit: 'B', better: 'less' },
    },
    contestants: [
      { name: 'tasktrail', version: ours, measure: () => measureRows(executions) },
      {
        ...{ name: 'tasktrail, a sentence of 112 B', version: ours },
        measure: () => measureRows(executions, {}, LONG_SENTENCE),
      },
      {
        ...{ name: 'tasktrail, the same, hash-max-listpack-value 512', version: ours },
        measure: () => measureRows(executions, compact, LONG_SENTENCE),
      },
      {
        ...{ name: 'BullMQ', version: versionOf('bullmq/package.json') },
        measure: () => measureJobs(executions),
      },
    ],
    targets: [{ contestant: 'tasktrail', figure: 'all but events and feed', atMost: 1536 }],
    plotted: 'all but events and feed',
  };
}

async function node(name: string, path: string, mark: string): Promise<IdleServer> {
  const module = new URL(`../peers/${name}-process.ts`, import.meta.url);
  const worker = await startWorker(module, SERVER_CORE);
  const protocol = name === 'idle-socket-io' ? 'socket.io' : 'sse';
  return await serveFrom(worker, { path, mark, protocol });
}

function versionOf(manifest: string): string {
  return (load(manifest) as { readonly version: string }).version;
}

/** Of the nginx that has it; undefined where there is none. */
function nchanVersion(): string | undefined {
  const said = spawnSync(PROGRAM, ['-v'], { encoding: 'utf8' }).stderr;
  const nginx = /nginx\/(\S+)/.exec(said ?? '')?.[1];
  const isHere = spawnSync('test', ['-e', MODULE]).status === 0;
  return nginx === undefined || !isHere ? undefined : `of nginx ${nginx}`;
}
