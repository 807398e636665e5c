import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import Koa from 'koa';
import { expect, test } from 'vitest';
import type { RequestState } from '../../src/http/http.ts';
import { listen } from '../../src/http/server.ts';
import { answerUnreadBodies } from '../../src/http/unread-body.ts';
import { createLogger } from '../../src/runtime/logging.ts';

const logger = createLogger({ level: 'silent', pretty: false });
const settings = { host: 'TASK_DASHBOARD_HOST', port: 'TASK_DASHBOARD_PORT' };

/** Answers every request with its method, and reads no body. */
async function connectTo(limits: { bytes: number; ms: number }) {
  const app = new Koa<RequestState>();
  app.use(answerUnreadBodies(limits));
  app.use((ctx) => {
    ctx.body = ctx.method;
  });
  const handler = app.callback();
  const server = await listen({ handler, host: '127.0.0.1', port: 0, settings, logger });
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  return {
    socket,
    begin: (length: number, method = 'POST') =>
      socket.write(`${method} / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n\r\n`),
    async [Symbol.asyncDispose]() {
      socket.destroy();
      await server.close(0);
    },
  };
}

test('an answer does not wait for a body that nobody reads', async () => {
  await using client = await connectTo({ bytes: 1000, ms: 600_000 });
  client.begin(10);
  const [answer] = await once(client.socket, 'data');
  expect(String(answer)).toMatch(/Connection: close\r\n.*POST$/s);
});

test('an answer of headers alone does not wait either', async () => {
  await using client = await connectTo({ bytes: 1000, ms: 600_000 });
  client.begin(10, 'HEAD');
  const [answer] = await once(client.socket, 'data');
  expect(String(answer)).toMatch(/^HTTP\/1\.1 200 .*Content-Length: 4\r\n.*\r\n\r\n$/s);
});

test('the connection ends when the body does', async () => {
  await using client = await connectTo({ bytes: 1000, ms: 600_000 });
  client.begin(10);
  await once(client.socket, 'data');
  client.socket.write('0123456789');
  await once(client.socket, 'end');
});

test('the connection ends when the body is too long to be thrown away', async () => {
  await using client = await connectTo({ bytes: 1000, ms: 600_000 });
  client.begin(2000);
  await once(client.socket, 'data');
  client.socket.write('x'.repeat(1001));
  await once(client.socket, 'close');
});

test('the connection ends when the body takes too long', async () => {
  await using client = await connectTo({ bytes: 1000, ms: 20 });
  client.begin(10);
  expect(await text(client.socket)).toMatch(/POST$/);
});

test('a body that is already there ends no connection', async () => {
  await using client = await connectTo({ bytes: 1000, ms: 600_000 });
  client.socket.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}');
  const [answer] = await once(client.socket, 'data');
  expect(String(answer)).toMatch(/Connection: keep-alive/);
});

test('a request without a body ends no connection', async () => {
  await using client = await connectTo({ bytes: 1000, ms: 600_000 });
  client.socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const [answer] = await once(client.socket, 'data');
  expect(String(answer)).toMatch(/Connection: keep-alive/);
});
