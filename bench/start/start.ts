import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { BenchCase, BenchPart } from '../harness/bench.ts';
import { measureStart, type Program } from './ready.ts';
import { measureReconnects } from './reconnect.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const load = createRequire(import.meta.url);
const OURS = load('../../package.json') as { readonly version: string };
const IOREDIS = load('ioredis/package.json') as { readonly version: string };

export const PART: BenchPart = {
  id: 'start',
  title: 'Start and reconnects',
  method: `How long a server takes from the spawn of its process to the first 200 at \`/readyz\`, with a change
feed that fills its replay window: the build that is published, with an empty compile cache. The floor is
the least that any Node server on Redis does: load ioredis, connect, ask once, listen. A turn is the median
of three starts. Redis and what waits for the server run on the other core.

Then a deploy as the new server sees it: thousands of viewers, each with a token that it has not seen yet,
come back at once with a position, and are live again once they have read the keepalive that says so. Meanwhile
the calls of Redis that could read changes are counted, those of the server's own loop among them. The
viewers are a process on the other core.`,
  cases: async (isQuick) => {
    const build = spawnSync(process.execPath, ['scripts/build.mjs'], {
      cwd: ROOT,
      stdio: 'inherit',
    });
    if (build.status !== 0) throw new Error('npm run build failed');
    const changes = isQuick ? 500 : 10_000;
    const viewers = isQuick ? 100 : 5000;
    return [
      readyCase(changes),
      reconnectCase('reconnect', viewers, changes, 0),
      reconnectCase('reconnect-missed', viewers, changes, 300),
    ];
  },
};

function readyCase(changes: number): BenchCase {
  const contestant = (name: string, version: string, program: Program) => ({
    ...{ name, version },
    measure: () => measureStart(program, changes),
  });
  return {
    id: 'ready',
    title: `From spawn to ready, ${changes.toLocaleString('en')} changes in the feed`,
    figures: { 'start to ready': { unit: 'ms', better: 'less' } },
    contestants: [
      contestant('tasktrail', OURS.version, 'tasktrail'),
      contestant('bare Node and ioredis', IOREDIS.version, 'floor'),
    ],
    targets: [{ contestant: 'tasktrail', figure: 'start to ready', atMost: 700 }],
    plotted: 'start to ready',
    isGuarded: true,
  };
}

function reconnectCase(id: string, viewers: number, changes: number, missed: number): BenchCase {
  const what =
    missed === 0 ? 'that have missed nothing' : `that have missed ${missed} changes each`;
  return {
    id,
    title: `${viewers.toLocaleString('en')} viewers come back at once ${what}`,
    figures: {
      'all live': { unit: 'ms', better: 'less' },
      'reads of Redis': { unit: 'calls', better: 'less' },
    },
    contestants: [
      {
        ...{ name: 'tasktrail', version: OURS.version },
        measure: () => measureReconnects(viewers, changes, missed),
      },
    ],
    targets: [
      { contestant: 'tasktrail', figure: 'all live', atMost: 3000 },
      // Its loop reads, too: a few times in these seconds.
      { contestant: 'tasktrail', figure: 'reads of Redis', atMost: 20 },
    ],
  };
}
