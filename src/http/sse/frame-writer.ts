import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Bytes that may wait for a client. Past it the client is parked at its position and costs no more
 * memory, until it has read what waits; then it goes on from the replay window.
 */
export const MAX_WAITING_BYTES = 64 * 1024;

/**
 * Writes frames to a stream, all with one write to its socket and without a copy.
 *
 * @returns whether the client still keeps up; where it does not, the body will tell of `drain`
 */
export function writeFrames(body: Socket | ServerResponse, frames: readonly Buffer[]): boolean {
  const last = frames.at(-1);
  if (last === undefined) return true;
  // Of a socket that has been taken, it is the body itself.
  const socket = 'req' in body ? body.socket : body;
  if (frames.length > 1) {
    if (socket?.writableCorked === 0) socket.cork();
    if (body !== socket) body.cork();
    for (const frame of frames.slice(0, -1)) body.write(frame);
    if (body !== socket) body.uncork();
  }
  // Not held back as the others are: by what this returns Node knows whether to tell of `drain`.
  const isFlowing = body.write(last);
  // Node would hold it until the turn ends, and a burst would look like a client that does not read.
  socket?.uncork();
  return isFlowing || body.writableLength <= MAX_WAITING_BYTES;
}
