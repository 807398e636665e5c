import type { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';

/**
 * Bytes that may wait for a client. Past it the client is parked at its position and costs no more
 * memory, until it has read what waits; then it goes on from the replay window.
 */
export const MAX_WAITING_BYTES = 64 * 1024;

/**
 * Writes frames to one stream: the bytes of a turn with one write to its socket.
 *
 * Once the head has been sent of an answer that ends with its connection, its body is whatever is
 * written to the socket. Writing there costs a third less than Node's way through the answer. An
 * answer in chunks, and one that waits behind another on its connection, needs that way.
 */
export class FrameWriter {
  readonly #response: ServerResponse;
  readonly #out: Writable;

  /** @param onDrain the client has taken everything that waited, after it did not keep up */
  constructor(response: ServerResponse, onDrain: () => void) {
    this.#response = response;
    const { socket, headersSent, chunkedEncoding } = response;
    this.#out = socket !== null && headersSent && !chunkedEncoding ? socket : response;
    this.#out.on('drain', onDrain);
  }

  /** What the client has not been sent yet, in bytes. */
  get waitingBytes(): number {
    return this.#response.writableLength;
  }

  /** @returns whether the client still keeps up; where it does not, it will be told that it drained */
  write(frames: readonly Buffer[]): boolean {
    const last = frames.at(-1);
    if (last === undefined) return true;
    const out = this.#out;
    if (frames.length > 1) {
      const { socket } = this.#response;
      if (socket?.writableCorked === 0) socket.cork();
      if (out !== socket) out.cork();
      for (const frame of frames.slice(0, -1)) out.write(frame);
      if (out !== socket) out.uncork();
    }
    // Not held back as the others are: by what this returns Node knows whether to tell of `drain`.
    const isFlowing = out.write(last);
    // Node would hold it until the turn ends, and a burst would look like a client that does not read.
    this.#response.socket?.uncork();
    return isFlowing || this.waitingBytes <= MAX_WAITING_BYTES;
  }

  /** The stream's last frame. */
  end(frame: Buffer): void {
    this.#response.end(frame);
  }

  /** Closes the connection, whether or not the client has taken what waits. */
  destroy(): void {
    // Not the answer: one that waits behind another on its connection has no socket to close yet.
    this.#response.req.socket.destroy();
  }
}
