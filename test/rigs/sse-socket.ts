import { Socket } from 'node:net';
import { SseText, type WireFrame } from './sse-text.ts';

/** How a client reads: as fast as it can, not at all, or one byte whenever it is told to. */
export type Pace = 'free' | 'never' | 'trickle';

export interface SseSocketOptions {
  readonly url: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly pace?: Pace;
  readonly onFrame: (frame: WireFrame) => void;
  readonly onStatus?: (status: number) => void;
  readonly onRetry?: (retryMs: number) => void;
  /** Once: the server ended the stream whole, or the connection is gone. */
  readonly onEnd: (end: 'whole' | 'broken') => void;
}

/** All sockets read into the same memory: what they read is taken out at once. */
const BUFFER = Buffer.allocUnsafe(256 * 1024);
const BYTE = BUFFER.subarray(0, 1);

/** A client of the stream on a bare socket, so that a test decides about every byte that it reads. */
export class SseSocket {
  readonly #socket: Socket;
  readonly #options: SseSocketOptions;
  #pace: Pace;
  #hasEnded = false;

  constructor(options: SseSocketOptions) {
    const { url, path, headers, pace = 'free', onFrame, onStatus, onRetry } = options;
    this.#options = options;
    this.#pace = pace;
    const text = new SseText({
      onFrame,
      onStatus: (status) => onStatus?.(status),
      onRetry: (retryMs) => onRetry?.(retryMs),
      onEnd: () => this.#end('whole'),
    });
    const { hostname, port } = new URL(url);
    this.#socket = new Socket({
      onread: {
        buffer: () => (this.#pace === 'trickle' ? BYTE : BUFFER),
        callback: (bytes) => {
          text.feed(BUFFER.toString('latin1', 0, bytes));
          return this.#pace === 'free';
        },
      },
    });
    if (pace !== 'free') this.#socket.pause();
    this.#socket.on('error', () => {});
    this.#socket.once('close', (hasFailed) => {
      this.#end(text.endsWithConnection && !hasFailed ? 'whole' : 'broken');
    });
    const lines = Object.entries({ Host: hostname, ...headers }).map(([name, value]) => {
      return `${name}: ${value}\r\n`;
    });
    this.#socket.connect(Number(port), hostname);
    this.#socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
  }

  /** For `trickle`: one byte more. */
  readByte(): void {
    if (!this.#hasEnded) this.#socket.resume();
  }

  readOn(): void {
    this.#pace = 'free';
    this.#socket.resume();
  }

  /** Drops the connection, as a network does. */
  cut(): void {
    this.#socket.resetAndDestroy();
  }

  #end(end: 'whole' | 'broken'): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#socket.destroy();
    this.#options.onEnd(end);
  }
}
