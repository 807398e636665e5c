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
 * A Redis that goes back to what was kept of it: its append-only file is put back, and it starts
 * again. Settings are those that a deployment has, but that the file is not rewritten meanwhile.
 */
export class KeptRedis implements AsyncDisposable {
  readonly #server: PrivateRedis;
  readonly #client: Redis;
  #directory = '';

  static async start(): Promise<KeptRedis> {
    const server = await startPrivateRedis({
      finder: redisOnPath(process.env.PATH),
      appendOnly: true,
      startTimeoutMs: START_MS,
      settings: { 'auto-aof-rewrite-percentage': '0' },
    });
    const redis = new KeptRedis(server);
    await redis.#settle();
    return redis;
  }

  private constructor(server: PrivateRedis) {
    this.#server = server;
    this.#client = new Redis(server.url, { retryStrategy: () => 20, replyMapping: 'legacy' });
    // It is killed on purpose.
    this.#client.on('error', () => undefined);
  }

  get url(): string {
    return this.#server.url;
  }

  /** Of the benchmark's own, for what is not measured. */
  get client(): Redis {
    return this.#client;
  }

  /** Keeps what it holds now. */
  async keep(): Promise<void> {
    await this.#client.bgrewriteaof();
    while (/aof_rewrite_(in_progress|scheduled):1/.test(await this.#client.info('persistence'))) {
      await delay(50);
    }
    this.#directory = await logDirectory(this.#client);
    await this.#server.kill();
    await replace(this.#directory, this.#kept);
    await this.#startAgain();
  }

  /** Goes back to what was kept last. */
  async goBack(): Promise<void> {
    await this.#server.kill();
    await replace(this.#kept, this.#directory);
    await this.#startAgain();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.disconnect();
    await this.#server.stop();
  }

  get #kept(): string {
    return `${this.#directory}-kept`;
  }

  async #startAgain(): Promise<void> {
    await this.#server.restart();
    await this.#settle();
  }

  async #settle(): Promise<void> {
    await pin(await processOf(this.#client), LOAD_CORE);
  }
}

/** The base of an append-only file is never written again, so that a link is a copy. */
async function replace(from: string, to: string): Promise<void> {
  await rm(to, { recursive: true, force: true });
  await mkdir(to, { recursive: true });
  for (const name of await readdir(from)) {
    const copy = name.endsWith('.base.rdb') ? link : copyFile;
    await copy(join(from, name), join(to, name));
  }
}
