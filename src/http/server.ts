import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { answerBadRequest, type Exchange } from './bad-request.ts';
import type { ConnectionGuard } from './connection-guard.ts';
import { isTaken, notePipelined } from './taken-connections.ts';

interface ListenOptions {
  readonly handler: RequestListener;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** The variables that hold host and port, for what an error tells the operator. */
  readonly settings: { readonly host: string; readonly port: string };
  readonly logger: Logger;
  readonly timeouts?: ServerTimeouts;
  /** Undefined: any number of connections. */
  readonly guard?: ConnectionGuard;
  /**
   * Told the status of what was no request, or came too slowly, or with too long a head; 429 for a
   * connection that was closed because it asked for too much before it read an answer.
   */
  readonly onBadRequest?: (status: number) => void;
}

/**
 * In milliseconds. Only the receiving of requests is limited: an answer, such as a stream, may last.
 */
interface ServerTimeouts {
  /** From the first byte of a request, or the opening of the connection, to the last header. */
  readonly headersMs: number;
  /** To the last byte of the request. */
  readonly requestMs: number;
  /** An idle connection between two requests. */
  readonly keepAliveMs: number;
  /** How often the first two are looked at. */
  readonly checkMs: number;
}

/**
 * Requests of one connection that wait for their answers or for these to be read. Node takes as many as
 * come in one piece, each is answered at once, and nobody has to read any of it. Browsers and proxies
 * send the next one after the answer.
 */
const MAX_PIPELINED = 16;

/** Proxies keep idle connections for 60 s; the one who closes first must be the proxy. */
const TIMEOUTS: ServerTimeouts = {
  headersMs: 15_000,
  requestMs: 30_000,
  keepAliveMs: 65_000,
  checkMs: 5_000,
};

export interface HttpServer {
  /** Where this machine reaches the server, with the port that it really has. */
  readonly url: string;
  /**
   * Stops accepting, closes idle connections, and waits for running requests; those that still run
   * after `deadlineMs` are cut off. May be called again, and twice at once.
   */
  close(deadlineMs?: number): Promise<void>;
}

/** The server could not listen. The message names the variable to change. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

const CLOSE_DEADLINE_MS = 5_000;

/**
 * Connections that wait to be accepted, as far as the system lets them (net.core.somaxconn). Beyond
 * Node's 511, thousands that come back at once would meet the kernel's silence, and its retries are
 * many seconds apart.
 */
const BACKLOG = 4096;

/**
 * Puts a handler on a port.
 *
 * @throws ListenError when the address is taken, not this machine's or not allowed
 */
export async function listen(options: ListenOptions): Promise<HttpServer> {
  const { handler, host, port, logger, timeouts = TIMEOUTS, guard, onBadRequest } = options;
  let isClosing = false;
  const unused = new Set<Socket>();
  const streaming = new Set<Socket>();
  const latest = new WeakMap<Duplex, Exchange>();
  const waiting = new WeakMap<Duplex, number>();
  /** Node takes the connection of a stream for an idle one, also while its last frame is on its way. */
  const closeIdle = () => {
    if (streaming.size === 0) server.closeIdleConnections();
  };
  const receive: RequestListener = (req, res) => {
    if (guard?.isRefused(req.socket)) return;
    // What it asks for could only be answered after the end of a stream.
    if (isTaken(req.socket)) {
      req.socket.destroy();
      return;
    }
    // Its answer could no longer be sent, so nothing may be done for it.
    if (latest.get(req.socket)?.res.getHeader('Connection') === 'close') return;
    if (req.socket.destroyed) return;
    const ahead = waiting.get(req.socket) ?? 0;
    if (ahead >= MAX_PIPELINED) {
      req.socket.destroy();
      onBadRequest?.(429);
      return;
    }
    if (ahead > 0) notePipelined(req.socket);
    waiting.set(req.socket, ahead + 1);
    unused.delete(req.socket);
    latest.set(req.socket, { req, res });
    res.once('close', () => {
      waiting.set(req.socket, (waiting.get(req.socket) ?? 1) - 1);
      if (isTaken(req.socket)) {
        latest.delete(req.socket);
        if (!req.socket.destroyed) streaming.add(req.socket);
        return;
      }
      // Node keeps a connection that was busy when the server began to close.
      if (isClosing) setImmediate(closeIdle);
    });
    if (isClosing) res.setHeader('Connection', 'close');
    handler(req, res);
  };
  const server = createServer(
    {
      headersTimeout: timeouts.headersMs,
      requestTimeout: timeouts.requestMs,
      keepAliveTimeout: timeouts.keepAliveMs,
      connectionsCheckingInterval: timeouts.checkMs,
      // Refused by the application, as everything else is.
      requireHostHeader: false,
    },
    receive,
  );
  // Whoever asks first whether to send a body is told so by what reads it, or is refused without.
  server.on('checkContinue', receive);
  // Other expectations may be ignored (RFC 9110, section 10.1.1); Node would answer by itself.
  server.on('checkExpectation', receive);
  // Node leaves out headers beyond this without a word; the application refuses such a request.
  server.maxHeadersCount = 0;
  server.on('connection', (socket) => {
    if (guard?.admit(socket) === false) return;
    unused.add(socket);
    socket.on('close', () => {
      unused.delete(socket);
      if (streaming.delete(socket) && isClosing) closeIdle();
    });
  });
  server.on('clientError', (error, socket) => {
    if (guard?.isRefused(socket)) return;
    if (isTaken(socket)) {
      socket.destroy();
      return;
    }
    const status = answerBadRequest(error, socket, latest.get(socket));
    if (status !== undefined) onBadRequest?.(status);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenErrorOf(error, options)));
    server.listen({ host, port, backlog: BACKLOG }, resolve);
  });
  server.removeAllListeners('error');
  server.on('error', (error) => logger.error({ err: error }, 'the server cannot accept'));

  let closed: Promise<void> | undefined;
  return {
    url: urlOf(server.address() as AddressInfo),
    close: (deadlineMs = CLOSE_DEADLINE_MS) => {
      isClosing = true;
      closed ??= closeServer(server, unused, closeIdle, deadlineMs);
      return closed;
    },
  };
}

async function closeServer(
  server: Server,
  unused: ReadonlySet<Socket>,
  closeIdle: () => void,
  deadlineMs: number,
): Promise<void> {
  const deadline = setTimeout(() => server.closeAllConnections(), deadlineMs);
  // Not the server's own, which would close idle connections at once.
  const closed = new Promise<void>((resolve) =>
    NetServer.prototype.close.call(server, () => resolve()),
  );
  closeIdle();
  // Browsers open connections ahead of need, and Node does not count these as idle.
  for (const socket of unused) if (socket.bytesRead === 0) socket.destroy();
  await closed;
  clearTimeout(deadline);
  // Of what Node keeps for a server of HTTP, its look at slow requests is left.
  server.close();
}

/** A wildcard is no place to go to, so the loopback address stands for it. */
function urlOf({ address, family, port }: AddressInfo): string {
  const host = address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address;
  return family === 'IPv6' ? `http://[${host}]:${port}` : `http://${host}:${port}`;
}

function listenErrorOf(error: NodeJS.ErrnoException, options: ListenOptions): ListenError {
  const { host, port, settings } = options;
  const where = `cannot listen on ${host}, port ${port}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return new ListenError(
        `${where}: another program does; stop it or set ${settings.port} to a free port ` +
          '(0 takes any)',
        { cause: error },
      );
    case 'EACCES':
      return new ListenError(
        `${where}: not allowed; set ${settings.port} to a port of 1024 or more`,
        { cause: error },
      );
    default:
      return new ListenError(
        `${where}: ${error.message}; set ${settings.host} to an address of this machine`,
        { cause: error },
      );
  }
}
