import { setTimeout as delay } from 'node:timers/promises';

const EVERY_MS = 100;
const PATIENCE_MS = 15_000;

/** A page a moment: whoever opens a dashboard during a restart must not notice it. */
export class PageLoads {
  readonly faults: string[] = [];
  loaded = 0;
  longestMs = 0;
  readonly #url: string;
  readonly #token: string;
  #isStopped = false;
  #running: Promise<void> = Promise.resolve();

  constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const askedAtMs = performance.now();
      await this.#load().catch((error) => this.faults.push(`a page was not loaded: ${error}`));
      this.longestMs = Math.max(this.longestMs, performance.now() - askedAtMs);
      await delay(EVERY_MS);
    }
  }

  async #load(): Promise<void> {
    const response = await fetch(`${this.#url}/dashboard/tasks?limit=20`, {
      headers: { Authorization: `Bearer ${this.#token}` },
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${response.status} ${text}`);
    this.loaded += 1;
  }
}
