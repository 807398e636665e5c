import { setTimeout as delay } from 'node:timers/promises';
import { residentBytes } from '../../oracle/world/memory.ts';
import type { Runner } from '../../oracle/world/runner.ts';

/** Rarely, since a scrape keeps the server busy for milliseconds. */
const EVERY_MS = 500;

/** What a server was at most, since a moment or since the watch began. */
export interface Peak {
  bytes: number;
  streams: number;
  parked: number;
}

const nothing = (): Peak => ({ bytes: 0, streams: 0, parked: 0 });

/** Looks at a server again and again until it is disposed of. */
export class ServerWatch implements AsyncDisposable {
  readonly all = nothing();
  readonly #server: Runner;
  readonly #watching: Promise<void>;
  #since = nothing();
  #isOver = false;

  constructor(server: Runner) {
    this.#server = server;
    this.#watching = this.#watch();
  }

  /** What comes from now on counts for what this returns. */
  begin(): Peak {
    this.#since = nothing();
    return this.#since;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#watching;
  }

  async #watch(): Promise<void> {
    while (!this.#isOver) {
      const bytes = await residentBytes(this.#server.pid);
      const metrics = await this.#server.metrics();
      const streams = metrics.get('tasktrail_streams_open') ?? 0;
      const parked = metrics.get('tasktrail_streams_parked') ?? 0;
      for (const peak of [this.all, this.#since]) {
        peak.bytes = Math.max(peak.bytes, bytes);
        peak.streams = Math.max(peak.streams, streams);
        peak.parked = Math.max(peak.parked, parked);
      }
      await delay(EVERY_MS);
    }
  }
}
