import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Bytes that may wait for a client. Past it the client is parked at its position and costs no more
 * memory, until it has read what waits; then it goes on from the replay window.
 */
export const MAX_WAITING_BYTES = 64 * 1024;

/**
 * Writes frames to one stream, all that are given together with one write to its socket.
 *
 * Once the head has been sent of an answer that ends with its connection, its body is whatever is
 * written to the socket: half of what a delivery costs is Node's way there through the answer. An
 * answer in chunks, and one that waits behind another on its connection, must go that way.
 */
export class FrameWriter {
  readonly #response: ServerResponse;
  readonly #out: ServerResponse | Socket;

  /** @param onDrain the client has taken what waited, after a write told that it does not keep up */
  constructor(response: ServerResponse, onDrain: () => void) {
    this.#response = response;
    const { socket, headersSent, chunkedEncoding } = response;
    this.#out = socket !== null && headersSent && !chunkedEncoding ? socket : response;
    this.#out.on('drain', onDrain);
  }

  /** What the client has not been sent yet, in bytes. */
  get waitingBytes(): number {
    return this.#out.writableLength;
  }

  /** @returns whether the client still keeps up */
  write(frames: readonly Buffer[]): boolean {
    const out = this.#out;
    const isFlowing =
      out === this.#response
        ? writeThroughAnswer(this.#response, frames)
        : writeTogether(out, frames);
    return isFlowing || out.writableLength <= MAX_WAITING_BYTES;
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

function writeTogether(out: ServerResponse | Socket, frames: readonly Buffer[]): boolean {
  if (frames.length > 1) out.cork();
  let isFlowing = true;
  for (const frame of frames) isFlowing = out.write(frame);
  if (frames.length > 1) out.uncork();
  return isFlowing;
}

function writeThroughAnswer(response: ServerResponse, frames: readonly Buffer[]): boolean {
  const { socket } = response;
  if (frames.length > 1 && socket?.writableCorked === 0) socket.cork();
  writeTogether(response, frames.slice(0, -1));
  // Not held back as the others are: by what this returns Node knows whether to tell of `drain`.
  const isFlowing = writeTogether(response, frames.slice(-1));
  // Node would hold it until the turn ends, and a burst would look like a client that does not read.
  socket?.uncork();
  return isFlowing;
}
