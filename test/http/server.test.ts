import { once } from 'node:events';
import { Agent, get, type RequestListener } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { ErrorBodySchema } from '@tasktrail/contract';
import { describe, expect, test } from 'vitest';
import { type HttpServer, ListenError, listen } from '../../src/http/server.ts';
import { createLogger } from '../../src/runtime/logging.ts';

const logger = createLogger({ level: 'silent', pretty: false });
const settings = { host: 'TASK_DASHBOARD_HOST', port: 'TASK_DASHBOARD_PORT' };
const hello: RequestListener = (_, res) => res.end('hello');

type Options = Partial<Parameters<typeof listen>[0]>;

async function start(options: Options = {}): Promise<HttpServer & AsyncDisposable> {
  const defaults = { handler: hello, host: '127.0.0.1', port: 0, settings, logger };
  const server = await listen({ ...defaults, ...options });
  return { ...server, [Symbol.asyncDispose]: () => server.close(0) };
}

const portOf = ({ url }: HttpServer) => Number(new URL(url).port);

describe('a server', () => {
  test.each([
    ['127.0.0.1', /^http:\/\/127\.0\.0\.1:\d+$/],
    ['::1', /^http:\/\/\[::1\]:\d+$/],
  ])('on %s says where it really listens', async (host, url) => {
    await using server = await start({ host });
    expect(server.url).toMatch(url);
    expect(await (await fetch(server.url)).text()).toBe('hello');
  });

  test('on a port that is taken says which variable to change', async () => {
    await using first = await start();
    const port = portOf(first);
    const second = start({ port });
    await expect(second).rejects.toThrow(ListenError);
    await expect(second).rejects.toThrow(
      `cannot listen on 127.0.0.1, port ${port}: another program does; stop it or set ` +
        'TASK_DASHBOARD_PORT to a free port (0 takes any)',
    );
  });

  test('on an address of another machine says which variable to change', async () => {
    await expect(start({ host: '192.0.2.1' })).rejects.toThrow(/set TASK_DASHBOARD_HOST to/);
  });
});

describe('timeouts', () => {
  const timeouts = { headersMs: 100, requestMs: 100, keepAliveMs: 60_000, checkMs: 20 };

  /** Of the head alone, so that no other ends what has none. */
  const ofHeads = { ...timeouts, requestMs: 60_000 };
  const AUTHORITY = 'HTTP/1.1\r\nHost: localhost\r\n';

  test.each([
    ['that says nothing', ''],
    ['whose head does not come to its end', `GET / ${AUTHORITY}`],
    ['whose second head does not', `GET / ${AUTHORITY}\r\nGET / ${AUTHORITY}`],
  ])('end a connection %s, and whoever measures it is told', async (_, bytes) => {
    const told: number[] = [];
    const onBadRequest = (status: number) => told.push(status);
    await using server = await start({ timeouts: ofHeads, onBadRequest });
    const socket = connect(portOf(server), '127.0.0.1');
    socket.write(bytes);
    expect(await text(socket)).toMatch(/HTTP\/1\.1 408 .*"invalid_query"/s);
    expect(told).toEqual([408]);
  });

  test.each([
    ['head', `GET / ${AUTHORITY}X-Slow: `, ofHeads],
    ['body', `POST / ${AUTHORITY}Content-Length: 1000\r\n\r\n`, timeouts],
    ['chunked body', `POST / ${AUTHORITY}Transfer-Encoding: chunked\r\n\r\n3e8\r\n`, timeouts],
  ])(
    'end a request whose %s comes byte by byte, however steadily',
    async (_, beginning, limits) => {
      await using server = await start({ timeouts: limits, handler: (req) => req.resume() });
      const socket = connect(portOf(server), '127.0.0.1');
      socket.on('error', () => {});
      socket.write(beginning);
      const trickle = setInterval(() => socket.writable && socket.write('x'), 10);
      const answer = await text(socket);
      clearInterval(trickle);
      expect(answer).toMatch(/^HTTP\/1\.1 408 .*"invalid_query"/s);
    },
  );

  test('end a connection that is idle after its request', async () => {
    await using server = await start({ timeouts: { ...timeouts, keepAliveMs: 100 } });
    const socket = connect(portOf(server), '127.0.0.1');
    socket.write(`GET / ${AUTHORITY}\r\n`);
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 .*Keep-Alive.*hello/s);
  });

  test('answer a request whose body does not come, and tell what waits for it', async () => {
    const aborted = Promise.withResolvers<void>();
    await using server = await start({
      timeouts,
      handler: (req) => req.once('aborted', aborted.resolve).resume(),
    });
    const socket = connect(portOf(server), '127.0.0.1');
    socket.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 408 .*Connection: close.*"invalid_query"/s);
    await aborted.promise;
  });

  test('end a request that was answered before its body came, without another answer', async () => {
    await using server = await start({ timeouts });
    const socket = connect(portOf(server), '127.0.0.1');
    socket.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{');
    expect((await text(socket)).match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200']);
  });

  test('do not end a stream that outlasts them', async () => {
    await using server = await start({
      timeouts,
      handler: async (_, res) => {
        res.write('first,');
        await delay(4 * timeouts.requestMs);
        res.end('last');
      },
    });
    expect(await (await fetch(server.url)).text()).toBe('first,last');
  });
});

describe('what is no request', () => {
  async function send(server: HttpServer, bytes: string): Promise<{ head: string; body: unknown }> {
    const socket = connect(portOf(server), '127.0.0.1');
    socket.write(Buffer.from(bytes, 'latin1'));
    const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n');
    return { head, body: ErrorBodySchema.parse(JSON.parse(body)) };
  }

  test.each([
    ['400 Bad Request', 'GET /\xe9 HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['400 Bad Request', '\x16\x03\x01'],
    ['431 Request Header Fields Too Large', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\n`],
  ])('is refused in JSON with %s', async (status, bytes) => {
    const told: number[] = [];
    await using server = await start({ onBadRequest: (one) => told.push(one) });
    const { head, body } = await send(server, bytes);
    expect(told).toEqual([Number(status.slice(0, 3))]);
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status}\r\n`));
    expect(body).toMatchObject({ error: 'invalid_query' });
  });

  test('never gets into the answer of another request', async () => {
    await using server = await start({ handler: (_, res) => res.write('first') });
    const socket = connect(portOf(server), '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    let received = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      received += chunk;
    });
    await once(socket, 'data');
    socket.write('no HTTP\r\n\r\n');
    await once(socket, 'close');
    expect(received).not.toContain('400');
  });
});

describe('a request behind an answer that ends the connection', () => {
  test('is not begun', async () => {
    const begun: (string | undefined)[] = [];
    await using server = await start({
      handler: (req, res) => {
        begun.push(req.url);
        res.setHeader('Connection', 'close');
        setImmediate(() => res.end('hello'));
      },
    });
    const socket = connect(portOf(server), '127.0.0.1');
    socket.write(
      'GET /1 HTTP/1.1\r\nHost: localhost\r\n\r\nGET /2 HTTP/1.1\r\nHost: localhost\r\n\r\n',
    );
    expect(await text(socket)).toMatch(/hello$/);
    expect(begun).toEqual(['/1']);
  });
});

describe('closing', () => {
  test('refuses new connections', async () => {
    await using server = await start();
    await server.close();
    await expect(fetch(server.url)).rejects.toThrow();
  });

  test('does not wait for idle connections', async () => {
    await using server = await start();
    const agent = new Agent({ keepAlive: true });
    const [response] = await once(get(server.url, { agent }), 'response');
    await text(response);
    await server.close(600_000);
    agent.destroy();
  });

  test('does not wait for connections that were opened ahead of need', async () => {
    await using server = await start();
    const socket = connect(portOf(server), '127.0.0.1');
    await once(socket, 'connect');
    // The server knows of the connection when it has answered on a later one.
    await (await fetch(server.url)).text();
    await server.close(600_000);
    socket.destroy();
  });

  test('waits for a running request, and then keeps its connection no longer', async () => {
    const asked = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<void>();
    await using server = await start({
      handler: async (_, res) => {
        asked.resolve();
        await answered.promise;
        res.end('complete');
      },
    });
    const agent = new Agent({ keepAlive: true });
    const response = once(get(server.url, { agent }), 'response');
    await asked.promise;
    const closed = server.close(600_000);
    answered.resolve();
    expect(await text((await response)[0])).toBe('complete');
    await closed;
    agent.destroy();
  });

  test('asks a client that sends one more request not to send another', async () => {
    const asked = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<void>();
    await using server = await start({
      handler: async (req, res) => {
        if (req.url === '/slow') {
          asked.resolve();
          await answered.promise;
        }
        res.end('answered');
      },
    });
    const socket = connect(portOf(server), '127.0.0.1');
    // Pipelined, so that the second arrives while the first keeps the connection busy.
    socket.write('GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await asked.promise;
    const closed = server.close(600_000);
    socket.write('GET /fast HTTP/1.1\r\nHost: localhost\r\n\r\n');
    setImmediate(answered.resolve);
    expect(await text(socket)).toMatch(/Connection: close/i);
    await closed;
  });

  test('cuts off what still runs at the deadline', async () => {
    await using server = await start({ handler: (_, res) => res.write('endless') });
    const response = await fetch(server.url);
    await server.close(50);
    await expect(response.text()).rejects.toThrow();
  });

  test('can be asked for twice, also at once', async () => {
    await using server = await start();
    await Promise.all([server.close(), server.close()]);
    await server.close();
  });
});

describe('requests that come before the answers to earlier ones are read', () => {
  const REQUEST = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';

  async function pipeline(count: number) {
    const statuses: number[] = [];
    let asked = 0;
    const handler: RequestListener = (_, res) => {
      asked += 1;
      setImmediate(() => res.end('hello'));
    };
    await using server = await start({ handler, onBadRequest: (status) => statuses.push(status) });
    const socket = connect(portOf(server), '127.0.0.1');
    const closed = once(socket, 'close');
    let answered = 0;
    socket
      .on('error', () => {})
      .on('data', (data) => {
        answered += String(data).split('hello').length - 1;
        if (answered === count) socket.end();
      });
    socket.write(REQUEST.repeat(count));
    await closed;
    return { asked, answered, statuses };
  }

  test('are answered in turn, as many as a client may have', async () => {
    expect(await pipeline(16)).toEqual({ asked: 16, answered: 16, statuses: [] });
  });

  test('end their connection where there are more, and no more is done for them', async () => {
    expect(await pipeline(1000)).toMatchObject({ asked: 16, statuses: [429] });
  });
});
