import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { answer } from '../harness/processes.ts';
import { quantile } from '../harness/statistics.ts';
import type { Load, Loaded } from './load.ts';

/**
 * The load generator, in a process of its own: raw sockets, since a client of HTTP would cost more
 * than the server that is measured. It reads of an answer what tells where the next one begins.
 */
answer<Load>(run);

/** A connection and the answer that it waits for. */
class Client {
  readonly #socket: Socket;
  /** The beginning of an answer whose head is not complete. */
  #begun: Buffer | undefined;
  #status = 0;
  /** Bytes of the body that are to come. */
  #missing = 0;
  /** When the request that it waits for was due, in milliseconds of this process. */
  dueAt = 0;

  constructor(socket: Socket, onAnswer: (client: Client, status: number) => void) {
    this.#socket = socket;
    socket.on('data', (chunk) => {
      if (this.#isComplete(chunk)) onAnswer(this, this.#status);
    });
  }

  send(request: string, dueAt: number): void {
    this.dueAt = dueAt;
    this.#socket.write(request, 'latin1');
  }

  #isComplete(chunk: Buffer): boolean {
    if (this.#missing > 0) {
      this.#missing -= chunk.length;
    } else {
      const bytes = this.#begun === undefined ? chunk : Buffer.concat([this.#begun, chunk]);
      const end = bytes.indexOf('\r\n\r\n');
      this.#begun = end < 0 ? bytes : undefined;
      if (end < 0) return false;
      const head = bytes.toString('latin1', 0, end + 2);
      this.#status = Number(head.slice(9, 12));
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
      this.#missing = length - (bytes.length - end - 4);
    }
    if (this.#missing < 0) throw new Error('an answer was longer than it said');
    return this.#missing === 0;
  }
}

async function run({ port, requests, connections, seconds, perSecond }: Load): Promise<Loaded> {
  const tookMs: number[] = [];
  const statuses = new Map<number, number>();
  const idle: Client[] = [];
  /** When requests were due that no connection was free for. */
  const late: number[] = [];
  let sent = 0;
  let isOver = false;
  const next = () => requests[sent++ % requests.length] as string;

  const onAnswer = (client: Client, status: number) => {
    if (isOver) return;
    const now = performance.now();
    tookMs.push(now - client.dueAt);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    const dueAt = perSecond === undefined ? now : late.shift();
    if (dueAt === undefined) idle.push(client);
    else client.send(next(), dueAt);
  };

  using opened = new DisposableStack();
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(port)));
  for (const socket of sockets) opened.defer(() => socket.destroy());
  const clients = sockets.map((socket) => new Client(socket, onAnswer));
  const startedAt = performance.now();
  if (perSecond === undefined) {
    for (const client of clients) client.send(next(), startedAt);
    await delay(seconds * 1000);
  } else {
    idle.push(...clients);
    for (let due = 0; due < seconds * perSecond; due += 1) {
      const dueAt = startedAt + (due / perSecond) * 1000;
      // Timers are too coarse for parts of a millisecond.
      if (dueAt - performance.now() > 2) await delay(dueAt - performance.now() - 1);
      while (performance.now() < dueAt) await new Promise(setImmediate);
      const client = idle.shift();
      if (client === undefined) late.push(dueAt);
      else client.send(next(), dueAt);
    }
  }
  isOver = true;
  return {
    perSecond: (tookMs.length * 1000) / (performance.now() - startedAt),
    statuses,
    p50: quantile(tookMs, 0.5),
    p99: quantile(tookMs, 0.99),
  };
}

async function open(port: number): Promise<Socket> {
  const socket = createConnection({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  socket.once('end', () => {
    throw new Error('the server closed a connection');
  });
  return socket;
}
