import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { destroyBody, endBody } from '../taken-connections.ts';

/**
 * Bytes that may wait for a client. Past it the client is parked at its position and costs no more
 * memory, until it has read what waits; then it goes on from the replay window.
 */
export const MAX_WAITING_BYTES = 64 * 1024;

/**
 * Writes frames to one stream, all that are given together with one write to its socket. The body is
 * the socket itself wherever the connection could be taken: half of what a delivery would cost is
 * Node's way there through the answer.
 */
export class FrameWriter {
  readonly #body: Socket | ServerResponse;

  /** @param onDrain the client has taken what waited, after a write told that it does not keep up */
  constructor(body: Socket | ServerResponse, onDrain: () => void) {
    this.#body = body.on('drain', onDrain);
  }

  /** What the client has not been sent yet, in bytes. */
  get waitingBytes(): number {
    return this.#body.writableLength;
  }

  /** @returns whether the client still keeps up */
  write(frames: readonly Buffer[]): boolean {
    const body = this.#body;
    const isFlowing =
      'req' in body ? writeThroughAnswer(body, frames) : writeTogether(body, frames);
    return isFlowing || body.writableLength <= MAX_WAITING_BYTES;
  }

  /** The stream's last frame. */
  end(frame: Buffer): void {
    endBody(this.#body, frame);
  }

  /** Closes the connection, whether or not the client has taken what waits. */
  destroy(): void {
    destroyBody(this.#body);
  }
}

function writeTogether(body: Socket | ServerResponse, frames: readonly Buffer[]): boolean {
  if (frames.length > 1) body.cork();
  let isFlowing = true;
  for (const frame of frames) isFlowing = body.write(frame);
  if (frames.length > 1) body.uncork();
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
