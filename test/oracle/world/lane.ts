import type { Socket } from 'node:net';

/** How the network is that a lane leads through. */
export interface Weather {
  /** How long everything takes. */
  delayMs: number;
  /** Nothing passes now, and nothing is lost. */
  isHolding: boolean;
}

/** One direction of one connection: bytes in order, sooner or later. */
export class Lane {
  readonly #to: Socket;
  readonly #weather: Weather;
  readonly #waiting: { readonly bytes: Buffer; readonly dueAtMs: number }[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(to: Socket, weather: Weather) {
    this.#to = to;
    this.#weather = weather;
  }

  send(bytes: Buffer): void {
    this.#waiting.push({ bytes, dueAtMs: performance.now() + this.#weather.delayMs });
    this.pump();
  }

  /** Sends what is due; to be called again whenever the weather has changed. */
  pump(): void {
    clearTimeout(this.#timer);
    if (this.#weather.isHolding) return;
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const leftMs = next.dueAtMs - performance.now();
      if (leftMs > 0) {
        this.#timer = setTimeout(() => this.pump(), leftMs);
        return;
      }
      this.#waiting.shift();
      if (this.#to.writable) this.#to.write(next.bytes);
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#waiting.length = 0;
  }
}
