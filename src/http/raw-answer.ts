import type { ErrorBody } from '@tasktrail/contract';
import { SECURITY_HEADERS } from './security-headers.ts';

/** An answer to what never became a request: it is the last one on its connection. */
export interface RawAnswer {
  readonly status: number;
  readonly reasonPhrase: string;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body: string;
}

export function rawAnswer(
  status: number,
  reasonPhrase: string,
  error: ErrorBody,
  headers: Readonly<Record<string, string>> = {},
): RawAnswer {
  const body = JSON.stringify(error);
  return {
    status,
    reasonPhrase,
    headers: {
      ...SECURITY_HEADERS,
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': Buffer.byteLength(body),
      'Cache-Control': 'no-store',
      ...headers,
      Connection: 'close',
    },
    body,
  };
}

/** The answer as it goes over a socket that no response has. */
export function textOf({ status, reasonPhrase, headers, body }: RawAnswer): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return `HTTP/1.1 ${status} ${reasonPhrase}\r\n${lines.join('\r\n')}\r\n\r\n${body}`;
}
