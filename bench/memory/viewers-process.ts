import { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { answer } from '../harness/processes.ts';
import type { IdleTarget } from './idle-server.ts';

/** The process of the viewers. They do nothing but read. */

export type ToViewers =
  /** More of them come, so many at a time. Answered once all are live, with how long it took. */
  | {
      readonly kind: 'open';
      readonly target: IdleTarget;
      readonly from: number;
      readonly to: number;
      readonly atOnce: number;
    }
  /** Answered with how many have read something since this was asked before. */
  | { readonly kind: 'count' };

const POLL_MS = 1;

/** All sockets read into the same memory: what they read is taken out at once. */
const BUFFER = Buffer.allocUnsafe(64 * 1024);

const readers = new Set<number>();
let opening = 0;

answer(async (message: ToViewers) => {
  if (message.kind === 'count') {
    const { size } = readers;
    readers.clear();
    return size;
  }
  const { target, from, to, atOnce } = message;
  const startedAt = performance.now();
  for (let number = from; number < to; number += 1) {
    while (opening >= atOnce) await delay(POLL_MS);
    opening += 1;
    if (target.protocol === 'sse') openStream(target, number);
    else openSocket(target, number);
  }
  while (opening > 0) await delay(POLL_MS);
  return performance.now() - startedAt;
});

function openStream({ url, path, tokens, position, mark }: IdleTarget, number: number): void {
  const { hostname, port } = new URL(url);
  let head: string | undefined = '';
  const socket = new Socket({
    onread: {
      buffer: BUFFER,
      callback: (bytes) => {
        if (head === undefined) {
          readers.add(number);
          return true;
        }
        head += BUFFER.toString('latin1', 0, bytes);
        if (head.includes(mark)) {
          head = undefined;
          opening -= 1;
        }
        return true;
      },
    },
  });
  socket.on('error', () => {});
  socket.once('close', () => fail(`the stream of viewer ${number} ended: ${head ?? ''}`));
  socket.connect(Number(port), hostname);
  const token = tokens?.[number];
  const authorization = token === undefined ? '' : `Authorization: Bearer ${token}\r\n`;
  const resumption = position === undefined ? '' : `Last-Event-ID: ${position}\r\n`;
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: ${hostname}:${port}\r\n` +
      `Accept: text/event-stream\r\n${authorization}${resumption}\r\n`,
  );
}

/** Engine.IO 4 as far as a viewer needs it: open, connect, pong. */
function openSocket({ url, path, mark }: IdleTarget, number: number): void {
  const socket = new WebSocket(`${url.replace('http', 'ws')}${path}`);
  socket.onmessage = ({ data }) => {
    const text = String(data);
    if (text.startsWith('0')) socket.send('40');
    else if (text === '2') socket.send('3');
    if (text.startsWith(mark)) opening -= 1;
    else if (text !== '') readers.add(number);
  };
  socket.onclose = () => fail(`the socket of viewer ${number} was closed`);
}

/** What it measures would be wrong. */
function fail(message: string): void {
  throw new Error(message);
}
