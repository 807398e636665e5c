import { copyFile, link, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { startPrivateRedis } from '../../src/demo/private-redis.ts';
import type { PrivateRedis } from '../../src/demo/private-redis-contract.ts';
import { redisOnPath } from '../../src/demo/redis-program.ts';
import { logDirectory } from '../../test/oracle/world/store.ts';
import { LOAD_CORE, pin, processOf } from '../harness/processes.ts';

const START_MS = 60_000;

/**
 * A Redis that is filled once, and is the same again for every turn: its append-only file is put
 * back, and it starts again. It is set as a deployment's, with a file that is synced every second,
 * but for one thing: nothing rewrites the file meanwhile. Its files are removed when the process ends.
 */
export class KeptRedis {
  readonly #server: PrivateRedis;
  readonly #directory: string;

  /** Starts one and has it filled. */
  static async fill(fill: (client: Redis) => Promise<void>): Promise<KeptRedis> {
    const server = await startPrivateRedis({
      finder: redisOnPath(process.env.PATH),
      appendOnly: true,
      startTimeoutMs: START_MS,
      settings: { 'auto-aof-rewrite-percentage': '0' },
    });
    const client = new Redis(server.url, { replyMapping: 'legacy' });
    try {
      await fill(client);
      await client.bgrewriteaof();
      while (/aof_rewrite_(in_progress|scheduled):1/.test(await client.info('persistence'))) {
        await delay(50);
      }
      const directory = await logDirectory(client);
      client.disconnect();
      await server.kill();
      await copyLog(directory, keptOf(directory));
      return new KeptRedis(server, directory);
    } catch (error) {
      client.disconnect();
      await server.stop();
      throw error;
    }
  }

  private constructor(server: PrivateRedis, directory: string) {
    this.#server = server;
    this.#directory = directory;
  }

  /**
   * Runs it as it was filled, on the core of those that load.
   *
   * @param work is given its address, and a client for what is not measured
   */
  async run<Result>(work: (url: string, client: Redis) => Promise<Result>): Promise<Result> {
    await copyLog(keptOf(this.#directory), this.#directory);
    await this.#server.restart();
    const client = new Redis(this.#server.url, { replyMapping: 'legacy' });
    try {
      await pin(await processOf(client), LOAD_CORE);
      return await work(this.#server.url, client);
    } finally {
      client.disconnect();
      await this.#server.kill();
    }
  }
}

function keptOf(directory: string): string {
  return `${directory}-kept`;
}

/** The base of an append-only file is never written again, so that a link is a copy of it. */
async function copyLog(from: string, to: string): Promise<void> {
  await rm(to, { recursive: true, force: true });
  await mkdir(to, { recursive: true });
  for (const name of await readdir(from)) {
    const copy = name.endsWith('.base.rdb') ? link : copyFile;
    await copy(join(from, name), join(to, name));
  }
}
