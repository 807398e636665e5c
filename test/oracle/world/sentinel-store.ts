import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { startPrivateRedis } from '../../../src/demo/private-redis.ts';
import type { PrivateRedis } from '../../../src/demo/private-redis-contract.ts';
import { guardProcess } from '../../../src/demo/process-guard.ts';
import { type RedisProgram, redisOnPath } from '../../../src/demo/redis-program.ts';
import { freePort } from './ports.ts';
import { openClient, type Store } from './store.ts';

/** The name of the primary, as sentinels know it. */
export const PRIMARY = 'tasks';
const SENTINELS = 3;
const REPLICAS = 2;
const READY_MS = 20_000;
const POLL_MS = 50;

/** How soon a primary counts as down, and how long one failover may take, in milliseconds. */
const CONFIG = `
sentinel down-after-milliseconds ${PRIMARY} 1000
sentinel failover-timeout ${PRIMARY} 4000
sentinel parallel-syncs ${PRIMARY} 2
`;

export interface SentinelStore extends Store {
  readonly nodes: readonly PrivateRedis[];
  /** Asks the sentinels who the primary is. */
  findPrimary(): Promise<PrivateRedis>;
  /** Asks a sentinel anything. */
  ask(...command: string[]): Promise<unknown>;
}

export function isSentinelStore(store: Store): store is SentinelStore {
  return store.kind === 'sentinel';
}

/** One primary, two replicas and three sentinels, all of them of the installed Redis. */
export async function startSentinelStore(): Promise<SentinelStore> {
  await using resources = new AsyncDisposableStack();
  const finder = redisOnPath(process.env.PATH);
  const program = await finder();
  if (program === undefined) throw new Error('sentinels need a redis-server on the path');
  const startNode = async (): Promise<PrivateRedis> => {
    const settings = { 'repl-diskless-sync-delay': '0' };
    return resources.use(await startPrivateRedis({ finder, appendOnly: true, settings }));
  };
  const nodes = await Promise.all(Array.from({ length: 1 + REPLICAS }, startNode));
  const [first, ...replicas] = nodes as [PrivateRedis, ...PrivateRedis[]];
  const { hostname, port } = new URL(first.url);
  for (const replica of replicas) await sendOnce(replica, 'REPLICAOF', hostname, port);
  const ports = await Promise.all(
    Array.from({ length: SENTINELS }, async () => {
      const sentinelPort = await freePort();
      resources.use(await startSentinel(program, sentinelPort, hostname, port));
      return sentinelPort;
    }),
  );
  const sentinel = resources.adopt(
    openClient({ host: '127.0.0.1', port: ports[0] as number }, 'oracle'),
    (client) => client.disconnect(),
  );
  const clients: Redis[] = [];
  resources.defer(() => clients.forEach((client) => void client.disconnect()));
  const ask = async (...[name = '', ...args]: string[]) => await sentinel.call(name, ...args);
  let current = first;
  const store: SentinelStore = {
    kind: 'sentinel',
    url: `redis+sentinel://${ports.map((one) => `127.0.0.1:${one}`).join(',')}/${PRIMARY}`,
    nodes,
    ask,
    connect: (name) => {
      const sentinels = ports.map((one) => ({ host: '127.0.0.1', port: one }));
      const options = { sentinels, name: PRIMARY, reconnectOnError: leavesReplica };
      clients.push(openClient(options, name));
      return clients.at(-1) as Redis;
    },
    primary: () => current,
    findPrimary: async () => {
      const address = (await ask('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', PRIMARY)) as string[];
      current = nodes.find(({ url }) => new URL(url).port === address[1]) ?? current;
      return current;
    },
    [Symbol.asyncDispose]: async () => {},
  };
  await whenKnown(ask);
  const owned = resources.move();
  return { ...store, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Sends one command on a connection of its own. */
export async function sendOnce(
  node: PrivateRedis,
  name: string,
  ...args: string[]
): Promise<unknown> {
  const client = new Redis(node.url, { replyMapping: 'legacy', commandTimeout: 5000 });
  client.on('error', () => {});
  try {
    return await client.call(name, ...args);
  } finally {
    client.disconnect();
  }
}

/** Leaves a primary that was demoted, as the program does. */
function leavesReplica(error: Error): boolean {
  return /^(READONLY|MASTERDOWN)/.test(error.message);
}

/** Resolves once all sentinels and replicas know of each other: before, none fails over. */
async function whenKnown(ask: (...command: string[]) => Promise<unknown>): Promise<void> {
  const deadline = performance.now() + READY_MS;
  const count = async (what: string) =>
    ((await ask('SENTINEL', what, PRIMARY).catch(() => [])) as unknown[]).length;
  while ((await count('SENTINELS')) < SENTINELS - 1 || (await count('REPLICAS')) < REPLICAS) {
    if (performance.now() > deadline) throw new Error('the sentinels do not find each other');
    await delay(POLL_MS);
  }
}

/** A sentinel rewrites its configuration file, so that it needs one of its own. */
async function startSentinel(program: RedisProgram, port: number, host: string, primary: string) {
  const directory = await mkdtemp(join(tmpdir(), 'tasktrail-sentinel-'));
  const guard = guardProcess(directory);
  const file = join(directory, 'sentinel.conf');
  const quorum = Math.floor(SENTINELS / 2) + 1;
  const address = `port ${port}\nbind 127.0.0.1\ndir ${directory}\n`;
  await writeFile(
    file,
    `${address}sentinel monitor ${PRIMARY} ${host} ${primary} ${quorum}\n${CONFIG}`,
  );
  const child = spawn(program.file, [file, '--sentinel'], {
    ...{ argv0: program.calledAs, stdio: 'ignore', detached: true },
  });
  await once(child, 'spawn');
  guard.watch(child.pid ?? 0);
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      guard.unwatch();
      await guard.end();
    },
  };
}
