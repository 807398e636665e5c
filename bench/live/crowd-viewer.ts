import { Socket } from 'node:net';
import { EventScan } from './event-scan.ts';

/** What viewers saw, together, since it was last asked. */
export interface CrowdTally {
  bytes: number;
  /** What those saw who look at every event. */
  scannedBytes: number;
  scannedEvents: number;
  /** Events that did not follow the one before, of the same viewer. */
  faults: number;
}

export interface ViewerOptions {
  readonly port: number;
  readonly request: string;
  readonly greeting: Uint8Array | undefined;
  /** Whether it looks at every event, or counts bytes only. */
  readonly scans: boolean;
  /** Whether it may miss events, as whoever may not see them does. */
  readonly mayMiss: boolean;
  readonly tally: CrowdTally;
  readonly onOpen: () => void;
  readonly onFault: (fault: Error) => void;
  readonly onEvent: (atUs: number) => void;
}

/** All viewers read into the same memory: what they read is looked at before the next read. */
const MEMORY = Buffer.allocUnsafe(1024 * 1024);
const HEAD_END = '\r\n\r\n';

/** A viewer that costs as little as one can who reads everything. */
export class CrowdViewer {
  readonly #options: ViewerOptions;
  readonly #socket: Socket;
  readonly #scan: EventScan | undefined;
  readonly #onEvent: (number: number, atUs: number) => void;
  #head: string | undefined = '';
  #last: number | undefined;

  constructor(options: ViewerOptions) {
    this.#options = options;
    this.#scan = options.scans ? new EventScan() : undefined;
    const { tally, mayMiss, onEvent } = options;
    this.#onEvent = (number, atUs) => {
      const expected = this.#last === undefined || mayMiss ? number : this.#last + 1;
      if (number !== expected || number === this.#last) tally.faults += 1;
      this.#last = number;
      tally.scannedEvents += 1;
      onEvent(atUs);
    };
    this.#socket = new Socket({
      onread: { buffer: MEMORY, callback: (bytes) => this.#take(bytes) },
    });
    this.#socket.once('error', options.onFault);
    this.#socket.once('close', () => options.onFault(new Error('a viewer was disconnected')));
    this.#socket.connect(options.port, '127.0.0.1').setNoDelay();
    this.#socket.write(options.request);
  }

  #take(bytes: number): boolean {
    if (this.#head !== undefined) {
      this.#readHead(MEMORY.toString('latin1', 0, bytes));
      return true;
    }
    const { tally } = this.#options;
    tally.bytes += bytes;
    if (this.#scan === undefined) return true;
    tally.scannedBytes += bytes;
    this.#scan.feed(MEMORY.subarray(0, bytes), this.#onEvent);
    return true;
  }

  #readHead(text: string): void {
    this.#head += text;
    if (this.#head?.includes(HEAD_END) !== true) return;
    const status = /^HTTP\/1.1 (\d+)/.exec(this.#head)?.[1];
    if (status !== '200' && status !== '101') {
      this.#options.onFault(new Error(`a viewer was answered ${this.#head.slice(0, 500)}`));
      return;
    }
    this.#head = undefined;
    const { greeting, onOpen } = this.#options;
    if (greeting !== undefined) this.#socket.write(greeting);
    onOpen();
  }
}
