import { readdir, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EVENTS_STREAM } from '@tasktrail/contract';
import { Redis, type RedisOptions } from 'ioredis';
import { startPrivateRedis } from '../../../src/demo/private-redis.ts';
import type { PrivateRedis } from '../../../src/demo/private-redis-contract.ts';
import { redisOnPath } from '../../../src/demo/redis-program.ts';
import { parseRedisUrl } from '../../../src/redis/redis-url.ts';
import type { StoreKind } from '../plan/round-plan.ts';

/** Where the events are: one Redis, or several under sentinels. */
export interface Store extends AsyncDisposable {
  readonly kind: StoreKind;
  /** For processes that reach it without a network that fails. */
  readonly url: string;
  /** A client of the oracle's own. It fails at once while Redis is away, and comes back by itself. */
  connect(name: string): Redis;
  /** The Redis that is written to now. */
  primary(): PrivateRedis;
}

/** Answers of a client that waits no longer than a fault lasts. */
const CLIENT = {
  retryStrategy: () => 20,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  // A frozen primary is left for the one that takes its place.
  socketTimeout: 3000,
  replyMapping: 'legacy',
} satisfies RedisOptions;

/** @param options where it is, and how it fails over */
export function openClient(options: RedisOptions, name: string): Redis {
  const client = new Redis({ ...options, ...CLIENT, connectionName: name });
  // Redis is killed on purpose; a command that fails rejects.
  client.on('error', () => {});
  return client;
}

/** Tries a command until it is answered: the oracle's own client may be cut off, too. */
export async function whileAway<T>(command: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + AWAY_MS;
  for (;;) {
    try {
      return await command();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await delay(20);
    }
  }
}

const AWAY_MS = 10_000;

/** Loads slowly enough to be seen loading, and answers meanwhile. */
const SLOW_LOADING = {
  'key-load-delay': '300',
  'loading-process-events-interval-bytes': '1024',
  'enable-debug-command': 'local',
};

export class SingleStore implements Store {
  readonly kind: StoreKind;
  readonly #redis: PrivateRedis;
  readonly #clients: Redis[] = [];

  static async start(kind: StoreKind, isSlowToLoad: boolean): Promise<SingleStore> {
    const redis = await startPrivateRedis({
      finder: redisOnPath(process.env.PATH),
      appendOnly: kind === 'always' ? 'always' : kind === 'everysec',
      settings: {
        'busy-reply-threshold': '100',
        ...(isSlowToLoad ? SLOW_LOADING : {}),
      },
    });
    return new SingleStore(kind, redis);
  }

  private constructor(kind: StoreKind, redis: PrivateRedis) {
    this.kind = kind;
    this.#redis = redis;
  }

  get url(): string {
    return this.#redis.url;
  }

  connect(name: string): Redis {
    const client = openClient(parseRedisUrl(this.url), name);
    this.#clients.push(client);
    return client;
  }

  primary(): PrivateRedis {
    return this.#redis;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.disconnect();
    await this.#redis.stop();
  }
}

/** The ids of all events that a client's Redis holds. */
export async function eventIds(client: Redis): Promise<ReadonlySet<string>> {
  const entries = (await client.xrange(EVENTS_STREAM, '-', '+')) as [string, string[]][];
  return new Set(entries.map(([id]) => id));
}

/** Where a server keeps its append-only files. */
export async function logDirectory(client: Redis): Promise<string> {
  const [, dir = ''] = (await client.config('GET', 'dir')) as string[];
  const [, name = ''] = (await client.config('GET', 'appenddirname')) as string[];
  return join(dir, name);
}

/** Takes the end of the append-only file away, as a crash of the machine may: also half a command. */
export async function tearLog(directory: string, bytes: number): Promise<void> {
  const names = await readdir(directory);
  const last = names
    .filter((name) => name.endsWith('.incr.aof'))
    .toSorted()
    .at(-1);
  if (last === undefined) throw new Error(`no append-only file is in ${directory}`);
  const file = join(directory, last);
  const { size } = await stat(file);
  await truncate(file, Math.max(0, size - bytes));
}

export async function removeLog(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
}
