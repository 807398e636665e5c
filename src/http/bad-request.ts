import { type IncomingMessage, maxHeaderSize, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { rawAnswer, textOf } from './raw-answer.ts';

/** The request whose head arrived last on a connection, and its answer. */
export interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

/** What is no HTTP, or too long, or too slow, never becomes a request that routes could answer. */
interface BadRequest {
  readonly status: number;
  readonly reasonPhrase: string;
  readonly message: string;
}

function judge(code: string | undefined): BadRequest {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return {
        status: 431,
        reasonPhrase: 'Request Header Fields Too Large',
        message: `URL and headers are longer than ${maxHeaderSize} bytes`,
      };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return {
        status: 408,
        reasonPhrase: 'Request Timeout',
        message: 'the request took too long to arrive',
      };
    case 'HPE_INVALID_EOF_STATE':
      return {
        status: 400,
        reasonPhrase: 'Bad Request',
        message: 'the request ended before its end',
      };
    default:
      return {
        status: 400,
        reasonPhrase: 'Bad Request',
        message: 'this is no valid HTTP request; is the URL percent-encoded?',
      };
  }
}

/**
 * Where on a connection something goes wrong: `between` requests, in the `body` of one that nothing
 * was answered to yet, or where a further answer would be read as a part of another: `busy`.
 */
function placeOf({ req, res }: Exchange, socket: Duplex): 'between' | 'body' | 'busy' {
  if (req.complete) return res.writableFinished ? 'between' : 'busy';
  // An answer that has to wait for that of an earlier request has no socket yet.
  return res.headersSent || res.socket !== socket ? 'busy' : 'body';
}

/**
 * Answers as routes do where it can, and closes the connection.
 *
 * @returns the status of the answer; undefined where there was nobody to answer
 */
export function answerBadRequest(
  error: NodeJS.ErrnoException,
  socket: Duplex,
  latest: Exchange | undefined,
): number | undefined {
  const place = latest === undefined ? 'between' : placeOf(latest, socket);
  if (place === 'busy' || !socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return undefined;
  }
  const { status, reasonPhrase, message } = judge(error.code);
  const answer = rawAnswer(status, reasonPhrase, { error: 'invalid_query', message });
  if (place === 'body' && latest !== undefined) {
    const { req, res } = latest;
    // Node forgets a request that was answered, and whoever reads its body would wait for ever.
    socket.once('close', () => req.destroy());
    res.writeHead(status, answer.headers).end(answer.body);
    return status;
  }
  socket.end(textOf(answer), () => socket.destroy());
  return status;
}
