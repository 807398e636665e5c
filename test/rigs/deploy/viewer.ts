import { setTimeout as delay } from 'node:timers/promises';
import type { Sight } from '../../oracle/model/sight.ts';
import { SseSocket } from '../sse-socket.ts';
import type { WireFrame } from '../sse-text.ts';

export interface ViewerOptions {
  /** Of what stands before the servers. */
  readonly url: string;
  readonly token: string;
  /** An EventSource of a browser cannot set headers, and sends its token in the query. */
  readonly sendsTokenBy: 'header' | 'query';
  /** What it asks for, and who it is. */
  readonly sight: Sight;
  /** The position of the snapshot that it has. */
  readonly cursor: string;
  /** Keeps each text once for all viewers. */
  readonly intern: (text: string) => string;
}

/** A stream that ended, and how its viewer came back. Times are those of `performance.now()`. */
export interface Absence {
  readonly endedAtMs: number;
  /** The reason that the server gave, or `broken`. */
  readonly why: string;
  /** When it asked again, for the first time and further ones. */
  readonly askedAtMs: number[];
  /** When a stream had caught up; undefined: not yet. */
  liveAtMs: number | undefined;
}

/** A data frame: its name and data are as on the wire. */
export interface SeenFrame {
  readonly id: string;
  readonly name: string;
  readonly data: string;
}

const DEFAULT_RETRY_MS = 3000;

/**
 * A dashboard as a browser runs it: an EventSource, whose every reconnect repeats the same query and
 * adds the id of the last frame, and that gives up for good on any status but 200.
 */
export class Viewer {
  readonly frames: SeenFrame[] = [];
  readonly absences: Absence[] = [];
  readonly refreshes: string[] = [];
  readonly faults: string[] = [];
  readonly #options: ViewerOptions;
  readonly #path: string;
  #socket: SseSocket | undefined;
  #lastId = '';
  #retryMs = DEFAULT_RETRY_MS;
  #reason: string | undefined;
  #isLive = false;
  #isStopped = false;

  constructor(options: ViewerOptions) {
    const { token, sendsTokenBy, cursor } = options;
    const { project, statuses } = options.sight;
    const query = new URLSearchParams({
      cursor,
      ...(project === undefined ? {} : { project }),
      ...(statuses === undefined ? {} : { statuses: statuses.join(',') }),
      ...(sendsTokenBy === 'query' ? { authToken: token } : {}),
    });
    this.#options = options;
    this.#path = `/dashboard/tasks/stream?${query}`;
  }

  /** Whether its stream is open and has caught up. */
  get isLive(): boolean {
    return this.#isLive;
  }

  get sight(): Sight {
    return this.#options.sight;
  }

  start(): this {
    const { url, token, sendsTokenBy } = this.#options;
    this.absences.at(-1)?.askedAtMs.push(performance.now());
    this.#socket = new SseSocket({
      url,
      path: this.#path,
      headers: {
        Accept: 'text/event-stream',
        // Then an answer that is no stream ends with its connection, too.
        Connection: 'close',
        ...(sendsTokenBy === 'header' ? { Authorization: `Bearer ${token}` } : {}),
        ...(this.#lastId === '' ? {} : { 'Last-Event-ID': this.#lastId }),
      },
      onStatus: (status) => {
        if (status !== 200) this.#giveUp(`was answered ${status}`);
      },
      onRetry: (retryMs) => {
        this.#retryMs = retryMs;
      },
      onFrame: (frame) => this.#take(frame),
      onEnd: () => this.#ended(),
    });
    return this;
  }

  stop(): void {
    this.#isStopped = true;
    this.#socket?.cut();
  }

  #take({ id, name, data }: WireFrame): void {
    if (id !== '') this.#lastId = id;
    switch (name) {
      case 'keepalive':
        this.#becomeLive();
        break;
      case 'reconnect':
        this.#reason = String(JSON.parse(data).reason);
        break;
      case 'snapshot_refresh_required':
        this.refreshes.push(String(JSON.parse(data).reason));
        break;
      default:
        this.frames.push({ id, name, data: this.#options.intern(data) });
    }
  }

  #becomeLive(): void {
    this.#isLive = true;
    const absence = this.absences.at(-1);
    if (absence !== undefined) absence.liveAtMs ??= performance.now();
  }

  #ended(): void {
    if (this.#isStopped) return;
    if (this.#isLive || this.absences.length === 0) {
      const why = this.#reason ?? 'broken';
      const endedAtMs = performance.now();
      this.absences.push({ endedAtMs, why, askedAtMs: [], liveAtMs: undefined });
    }
    this.#isLive = false;
    this.#reason = undefined;
    void delay(this.#retryMs).then(() => this.#isStopped || this.start());
  }

  #giveUp(why: string): void {
    if (!this.#isStopped) this.faults.push(why);
    this.stop();
  }
}
