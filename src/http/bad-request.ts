import { maxHeaderSize } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ErrorBody } from '@tasktrail/contract';

/** What is no HTTP, or too long, or too slow, never becomes a request that routes could answer. */
interface BadRequest {
  readonly status: string;
  readonly message: string;
}

function judge(code: string | undefined): BadRequest {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return {
        status: '431 Request Header Fields Too Large',
        message: `URL and headers are longer than ${maxHeaderSize} bytes`,
      };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { status: '408 Request Timeout', message: 'the request took too long to arrive' };
    default:
      return {
        status: '400 Bad Request',
        message: 'this is no valid HTTP request; is the URL percent-encoded?',
      };
  }
}

/**
 * Answers as routes do, and closes the connection. One that is busy with an earlier request is cut
 * off instead: an answer now would be read as a part of that one's.
 */
export function answerBadRequest(
  error: NodeJS.ErrnoException,
  socket: Duplex,
  isBusy: boolean,
): void {
  if (isBusy || !socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const { status, message } = judge(error.code);
  const body = JSON.stringify({ error: 'invalid_query', message } satisfies ErrorBody);
  const head = [
    `HTTP/1.1 ${status}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
