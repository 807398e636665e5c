import { setTimeout as delay } from 'node:timers/promises';
import { type FirstSeen, numberOf } from './changes.ts';
import { type Pace, SseSocket } from './sse-socket.ts';
import type { WireFrame } from './sse-text.ts';

export interface RigViewerOptions {
  /** Of a server or of what stands before several, without a path. */
  readonly url: string;
  readonly token: string;
  readonly pace?: Pace;
  readonly onChange?: (number: number) => void;
  /** A stream of it was opened again, so many milliseconds after the one before had ended. */
  readonly onReconnect?: (afterMs: number) => void;
}

const PATH = '/dashboard/tasks/stream';
/** What an EventSource takes where it was told nothing. */
const DEFAULT_RETRY_MS = 3000;

/**
 * A dashboard as a browser runs it: an EventSource that comes back by itself with the id of its last
 * frame, and gives up for good on any status but 200. It notes whatever it should not have seen.
 */
export class RigViewer {
  readonly faults: string[] = [];
  refreshes = 0;
  reconnects = 0;
  /** Streams that were refused with a frame, so that it came again. */
  refusals = 0;
  frames = 0;
  /** In bytes. */
  largestFrame = 0;
  /** The number of the last change that it saw; undefined where none was since it last began anew. */
  number: number | undefined;
  /** Where it began, and began anew when it was told to. */
  readonly beginnings: FirstSeen[] = [];
  /** Why its streams ended: by the reason that the server gave, or `broken`. */
  readonly ends: string[] = [];
  readonly #options: RigViewerOptions;
  #socket: SseSocket | undefined;
  #lastId = '';
  #retryMs = DEFAULT_RETRY_MS;
  #pace: Pace;
  #endedAtMs: number | undefined;
  #isStopped = false;

  constructor(options: RigViewerOptions) {
    this.#options = options;
    this.#pace = options.pace ?? 'free';
  }

  start(): this {
    const { url, token } = this.#options;
    let isLive = false;
    this.#socket = new SseSocket({
      url,
      path: PATH,
      pace: this.#pace,
      headers: {
        Accept: 'text/event-stream',
        Authorization: `Bearer ${token}`,
        ...(this.#lastId === '' ? {} : { 'Last-Event-ID': this.#lastId }),
      },
      onStatus: (status) => {
        if (status !== 200) this.#giveUp(`was answered ${status}`);
      },
      onRetry: (retryMs) => {
        this.#retryMs = retryMs;
      },
      onFrame: (frame) => {
        if (!isLive && frame.name !== 'reconnect') this.#cameBack();
        isLive ||= frame.name !== 'reconnect';
        this.#take(frame);
      },
      onEnd: (end) => {
        if (end === 'broken') this.ends.push(end);
        if (!isLive) this.refusals += 1;
        this.#endedAtMs ??= performance.now();
        void this.#comeAgain();
      },
    });
    return this;
  }

  readByte(): void {
    this.#socket?.readByte();
  }

  readOn(): void {
    this.#pace = 'free';
    this.#socket?.readOn();
  }

  stop(): void {
    this.#isStopped = true;
    this.#socket?.cut();
  }

  #cameBack(): void {
    if (this.#endedAtMs === undefined) return;
    this.reconnects += 1;
    this.#options.onReconnect?.(performance.now() - this.#endedAtMs);
    this.#endedAtMs = undefined;
  }

  async #comeAgain(): Promise<void> {
    if (this.#isStopped) return;
    await delay(this.#retryMs);
    if (!this.#isStopped) this.start();
  }

  #giveUp(why: string): void {
    if (!this.#isStopped) this.faults.push(why);
    this.stop();
  }

  #take({ id, name, data }: WireFrame): void {
    this.frames += 1;
    this.largestFrame = Math.max(this.largestFrame, id.length + name.length + data.length);
    const after = this.#lastId;
    if (id !== '') this.#lastId = id;
    switch (name) {
      case 'task_status_updated':
        this.#takeChange(numberOf(data), after);
        break;
      case 'snapshot_refresh_required':
        this.refreshes += 1;
        this.number = undefined;
        break;
      case 'reconnect':
        this.ends.push(String(JSON.parse(data).reason));
        break;
      default:
        if (name !== 'keepalive') this.faults.push(`saw ${name}`);
    }
  }

  #takeChange(number: number, after: string): void {
    if (this.number === undefined) this.beginnings.push({ after, number });
    else if (number !== this.number + 1) {
      this.faults.push(`saw ${number} where ${this.number + 1} is next`);
    }
    this.number = number;
    this.#options.onChange?.(number);
  }
}
