import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import { answerBadRequest, type Exchange } from './bad-request.ts';

interface ListenOptions {
  readonly handler: RequestListener;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** The variables that hold host and port, for what an error tells the operator. */
  readonly settings: { readonly host: string; readonly port: string };
  readonly logger: Logger;
  readonly timeouts?: ServerTimeouts;
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
 * Puts a handler on a port.
 *
 * @throws ListenError when the address is taken, not this machine's or not allowed
 */
export async function listen(options: ListenOptions): Promise<HttpServer> {
  const { handler, host, port, logger, timeouts = TIMEOUTS } = options;
  let isClosing = false;
  const unused = new Set<Socket>();
  const latest = new WeakMap<Duplex, Exchange>();
  const receive: RequestListener = (req, res) => {
    // Its answer could no longer be sent, so nothing may be done for it.
    if (latest.get(req.socket)?.res.getHeader('Connection') === 'close') return;
    unused.delete(req.socket);
    latest.set(req.socket, { req, res });
    res.once('close', () => {
      // Node keeps a connection that was busy when the server began to close.
      if (isClosing) setImmediate(() => server.closeIdleConnections());
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
    },
    receive,
  );
  // Whoever asks first whether to send a body is told so by what reads it, or is refused without.
  server.on('checkContinue', receive);
  server.on('connection', (socket) => {
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  server.on('clientError', (error, socket) => {
    answerBadRequest(error, socket, latest.get(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenErrorOf(error, options)));
    server.listen({ host, port }, resolve);
  });
  server.removeAllListeners('error');
  server.on('error', (error) => logger.error({ err: error }, 'the server cannot accept'));

  let closed: Promise<void> | undefined;
  return {
    url: urlOf(server.address() as AddressInfo),
    close: (deadlineMs = CLOSE_DEADLINE_MS) => {
      isClosing = true;
      closed ??= closeServer(server, unused, deadlineMs);
      return closed;
    },
  };
}

async function closeServer(
  server: Server,
  unused: ReadonlySet<Socket>,
  deadlineMs: number,
): Promise<void> {
  const deadline = setTimeout(() => server.closeAllConnections(), deadlineMs);
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // Browsers open connections ahead of need, and Node does not count these as idle.
  for (const socket of unused) if (socket.bytesRead === 0) socket.destroy();
  await closed;
  clearTimeout(deadline);
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
