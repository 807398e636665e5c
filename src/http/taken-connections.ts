import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/**
 * Connections whose rest is the body of one answer that ends with them. Node keeps request, answer
 * and whatever hangs on them for as long as an answer lasts, several times what a stream needs; so an
 * answer that lasts is over for Node once its head is written, and goes on upon the bare socket.
 */
const taken = new WeakSet<Duplex | ServerResponse>();
const pipelined = new WeakSet<Duplex>();
const ended = new WeakSet<Duplex>();

/** Nothing that comes over it is a request any more, and nothing may be answered on it. */
export function isTaken(socket: Duplex): boolean {
  return taken.has(socket);
}

/** Several requests wait on it at once: it cannot be taken, since each answer would follow another. */
export function notePipelined(socket: Duplex): void {
  pipelined.add(socket);
}

/**
 * Takes the connection of an answer whose head has been sent, and whose body ends with it. The answer
 * closes with the next turns of the event loop, while the socket stays.
 *
 * @returns where the body is to be written: the answer itself where the connection cannot be taken,
 *   because there are other requests on it, or the rest of this one
 */
export function takeConnection(res: ServerResponse): Socket | ServerResponse {
  const { socket, req } = res;
  if (socket === null || pipelined.has(socket) || !req.complete || res.chunkedEncoding) return res;
  taken.add(socket);
  // Else Node would close the connection when the answer ends. Were this to have no effect, no
  // stream would outlive its head.
  Object.assign(res, { _last: false });
  res.once('close', () => release(socket));
  res.end();
  return socket;
}

/**
 * Has Node forget that the connection was one of HTTP. Of what it keeps for each, the parser alone is
 * larger than all of a stream.
 */
function release(socket: Socket): void {
  if (socket.destroyed) return;
  // Node now takes the connection for an idle one.
  socket.setTimeout(0);
  const [onClose] = socket.listeners('close');
  const [onDrain] = socket.listeners('drain');
  // Node's own are the first: it made the connection. A Node that names them otherwise keeps its parser.
  if (onClose?.name !== 'bound socketOnClose' || onDrain?.name !== 'bound socketOnDrain') return;
  // What it does when a connection closes frees the parser.
  onClose.call(socket);
  socket.off('close', onClose as () => void).off('drain', onDrain as () => void);
  socket.removeAllListeners('data').removeAllListeners('end');
  socket.on('data', cutOff).on('end', leave);
}

/**
 * What is asked now could only be answered after the end of the stream. Empty lines ask nothing: some
 * clients send one after a request (RFC 9112, section 2.2).
 */
function cutOff(this: Socket, data: Buffer): void {
  if (data.some((byte) => byte !== CR && byte !== LF)) this.destroy();
}

const [CR, LF] = Buffer.from('\r\n');

/** Its client sends no more, which of a stream means that it has left. */
function leave(this: Socket): void {
  this.destroySoon();
}

/** Writes the last bytes of a body, and closes the connection once its client has taken them. */
export function endBody(body: Socket | ServerResponse, last: Buffer): void {
  if (!isSocket(body)) {
    body.end(last);
    return;
  }
  ended.add(body);
  body.write(last);
  body.destroySoon();
}

/** Whether the body on a connection that has closed was sent to its end; else its client left before. */
export function wasEnded(socket: Socket): boolean {
  // Node ends the connection of a client that says that it sends no more, and takes that for finished.
  return ended.has(socket) && socket.writableFinished;
}

/** Closes the connection of a body, whatever its client has taken of it. */
export function destroyBody(body: Socket | ServerResponse): void {
  // Not the answer: one that waits behind another on its connection has no socket to close yet.
  if (isSocket(body)) body.destroy();
  else body.req.socket.destroy();
}

function isSocket(body: Socket | ServerResponse): body is Socket {
  return taken.has(body);
}
