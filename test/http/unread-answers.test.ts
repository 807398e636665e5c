import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Koa from 'koa';
import { expect, test } from 'vitest';
import type { RequestState } from '../../src/http/http.ts';
import { boundUnreadAnswers } from '../../src/http/unread-answers.ts';
import { eventually } from '../fixtures/facts.ts';

/** More than the kernel takes for one connection. */
const ANSWER_BYTES = 16 * 1024 * 1024;

/** As the page cache holds it for all who load it. */
const KEPT = Buffer.alloc(ANSWER_BYTES, 'x');

const BODIES: Record<string, () => string | Buffer> = {
  '/': () => 'x'.repeat(ANSWER_BYTES),
  '/small': () => 'x'.repeat(100),
  '/kept': () => KEPT,
  '/buffer': () => Buffer.alloc(ANSWER_BYTES, 'x'),
};

/** A server whose answers are large, and what became of each, in order. */
class LargeAnswers implements AsyncDisposable {
  readonly ends: ('whole' | 'cut' | 'waiting')[] = [];
  /** The limits for which answers were cut off. */
  readonly cuts: string[] = [];
  readonly #server: Server;
  readonly #listening: Promise<unknown>;

  constructor(limits: { bytes: number; ms: number }) {
    const app = new Koa<RequestState>();
    app.use((ctx, next) => {
      const index = this.ends.push('waiting') - 1;
      ctx.res.once('close', () => {
        this.ends[index] = ctx.res.writableFinished ? 'whole' : 'cut';
      });
      return next();
    });
    app.use((ctx, next) => {
      Object.assign(ctx.state, { clientAddress: ctx.get('From') || '192.0.2.1' });
      return next();
    });
    app.use(boundUnreadAnswers((limit) => this.cuts.push(limit), limits));
    app.use((ctx) => {
      ctx.body = BODIES[ctx.path]?.();
    });
    this.#server = createServer(app.callback()).listen(0, '127.0.0.1');
    this.#listening = once(this.#server, 'listening');
  }

  /** A client that reads no more than the head. */
  async ask(path = '/', from = '192.0.2.1'): Promise<IncomingMessage> {
    await this.#listening;
    const { port } = this.#server.address() as AddressInfo;
    const sent = get({ port, path, agent: false, headers: { From: from } });
    sent.on('error', () => {});
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return response.on('error', () => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

test('answers that nobody reads are cut off when together they are too much, the oldest first', async () => {
  await using server = new LargeAnswers({ bytes: 2.5 * ANSWER_BYTES, ms: 600_000 });
  await server.ask();
  await server.ask();
  await server.ask('/small');
  expect(server.ends).toEqual(['waiting', 'waiting', expect.anything()]);
  await server.ask();
  await eventually(() => expect(server.ends).toEqual(['cut', 'waiting', 'whole', 'waiting']));
  expect(server.cuts).toEqual(['memory']);
});

test('those of the address that holds most are cut off, however long another has waited', async () => {
  await using server = new LargeAnswers({ bytes: 3.5 * ANSWER_BYTES, ms: 600_000 });
  await server.ask('/', '192.0.2.7');
  for (let n = 1; n <= 3; n += 1) await server.ask();
  await eventually(() => expect(server.ends).toEqual(['waiting', 'cut', 'waiting', 'waiting']));
});

test('one Buffer in many answers is in memory once', async () => {
  await using server = new LargeAnswers({ bytes: 2.5 * ANSWER_BYTES, ms: 600_000 });
  for (let n = 1; n <= 20; n += 1) await server.ask('/kept', `192.0.2.${n}`);
  await server.ask('/buffer', '198.51.100.1');
  expect(server.ends).toEqual(Array(21).fill('waiting'));
  // Now there are three Buffers.
  await server.ask('/buffer', '198.51.100.1');
  await eventually(() => expect(server.cuts).toEqual(['memory']));
  expect(server.ends).toEqual([...Array(20).fill('waiting'), 'cut', 'waiting']);
});

test('a Buffer makes room with the last answer that holds it', async () => {
  await using server = new LargeAnswers({ bytes: 2.5 * ANSWER_BYTES, ms: 600_000 });
  const readers = await Promise.all(Array.from({ length: 3 }, () => server.ask('/kept')));
  await server.ask('/buffer', '192.0.2.7');
  for (const response of readers) {
    response.resume();
    await once(response, 'end');
  }
  await eventually(() => expect(server.ends).toEqual([...Array(3).fill('whole'), 'waiting']));
  await server.ask('/buffer', '192.0.2.7');
  expect(server.cuts).toEqual([]);
  await server.ask('/kept');
  await eventually(() => expect(server.cuts).toEqual(['memory']));
  expect(server.ends.slice(3)).toEqual(['cut', 'waiting', 'waiting']);
});

test('an answer that is larger than all may be together is sent all the same', async () => {
  await using server = new LargeAnswers({ bytes: 10, ms: 600_000 });
  const response = await server.ask();
  let bytes = 0;
  for await (const chunk of response) bytes += chunk.length;
  expect(bytes).toBe(ANSWER_BYTES);
  expect(server.cuts).toEqual([]);
});

test('what was read makes room', async () => {
  await using server = new LargeAnswers({ bytes: ANSWER_BYTES, ms: 600_000 });
  for (let n = 1; n <= 5; n += 1) {
    const response = await server.ask();
    response.resume();
    await once(response, 'end');
    await eventually(() => expect(server.ends).toEqual(Array(n).fill('whole')));
  }
});

test('an answer that is not read in time is cut off', async () => {
  await using server = new LargeAnswers({ bytes: 10 * ANSWER_BYTES, ms: 50 });
  await server.ask();
  await eventually(() => expect(server.ends).toEqual(['cut']));
  expect(server.cuts).toEqual(['time']);
});
