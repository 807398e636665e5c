import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { ErrorBodySchema } from '@tasktrail/contract';
import { describe, expect, test } from 'vitest';
import { ConnectionGuard, type ConnectionLimits } from '../../src/http/connection-guard.ts';
import { type HttpServer, listen } from '../../src/http/server.ts';
import { createLogger } from '../../src/runtime/logging.ts';
import { eventually } from '../fixtures/facts.ts';

const logger = createLogger({ level: 'silent', pretty: false });
const settings = { host: 'TASK_DASHBOARD_HOST', port: 'TASK_DASHBOARD_PORT' };

/** A server of its own on loopback, which has as many addresses as a test needs. */
class GuardedServer implements AsyncDisposable {
  open = 0;
  requests = 0;
  readonly refused: string[] = [];
  readonly #server: Promise<HttpServer>;
  readonly #sockets = new Set<Socket>();

  constructor(limits: Partial<ConnectionLimits>, timeoutMs = 60_000, host = '127.0.0.1') {
    const guard = new ConnectionGuard(
      { maxConnections: 100, maxConnectionsPerIp: 100, trustedProxies: [], ...limits },
      {
        onOpen: (open) => {
          this.open = open;
        },
        onRefused: (limit) => this.refused.push(limit),
      },
    );
    this.#server = listen({
      handler: (_, res) => {
        this.requests += 1;
        res.end('hello');
      },
      ...{ host, port: 0, settings, logger, guard },
      timeouts: {
        ...{ headersMs: timeoutMs, requestMs: timeoutMs, keepAliveMs: 60_000, checkMs: 20 },
      },
    });
  }

  /** @param staysOpen whether it leaves its own end open when the server closes the other */
  async connect(from = '127.0.0.1', staysOpen = false): Promise<Socket> {
    const { port } = new URL((await this.#server).url);
    const address = { port: Number(port), host: '127.0.0.1', localAddress: from };
    const socket = connect({ ...address, allowHalfOpen: staysOpen });
    this.#sockets.add(socket);
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
  }

  /** Connections that say nothing; waits until the server has counted them. */
  async hold(count: number, from?: string): Promise<Socket[]> {
    const before = this.open;
    const sockets = await Promise.all(Array.from({ length: count }, () => this.connect(from)));
    await eventually(() => expect(this.open).toBe(before + count));
    return sockets;
  }

  /** One request on a connection of its own, and the whole answer as it came. */
  async ask(from?: string): Promise<string> {
    const socket = await this.connect(from);
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    return await text(socket);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await (await this.#server).close(0);
  }
}

function expectRefusal(answer: string, message: RegExp): void {
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  expect(head).toMatch(/^HTTP\/1\.1 503 Service Unavailable\r\n/);
  expect(head).toMatch(/\r\nRetry-After: \d+\r\n/);
  const error = ErrorBodySchema.strict().parse(JSON.parse(body));
  expect(error).toMatchObject({ error: 'unavailable', message: expect.stringMatching(message) });
}

describe('connections', () => {
  test('of one address beyond its limit are told so and closed, and others come in', async () => {
    await using server = new GuardedServer({ maxConnectionsPerIp: 3 });
    await server.hold(3, '127.0.0.2');
    expectRefusal(await server.ask('127.0.0.2'), /of this address/);
    expect(server.refused).toEqual(['address']);
    expect(server.requests).toBe(0);
    expect(await server.ask('127.0.0.3')).toMatch(/hello$/);
  });

  test('of one address count alone also where the server listens on IPv6', async () => {
    await using server = new GuardedServer({ maxConnectionsPerIp: 2 }, 60_000, '::');
    await server.hold(2, '127.0.0.2');
    expectRefusal(await server.ask('127.0.0.2'), /of this address/);
    expect(await server.ask('127.0.0.3')).toMatch(/hello$/);
  });

  test('of all addresses together have a limit too', async () => {
    await using server = new GuardedServer({ maxConnections: 3 });
    for (const address of ['127.0.0.2', '127.0.0.3', '127.0.0.4']) await server.hold(1, address);
    expectRefusal(await server.ask('127.0.0.5'), /to this server/);
    expect(server.refused).toEqual(['process']);
  });

  test('that close make room for others', async () => {
    await using server = new GuardedServer({ maxConnectionsPerIp: 1 });
    const [socket] = await server.hold(1);
    expectRefusal(await server.ask(), /of this address/);
    socket?.destroy();
    await eventually(() => expect(server.open).toBe(0));
    expect(await server.ask()).toMatch(/hello$/);
    await eventually(() => expect(server.open).toBe(0));
  });

  test('of a trusted proxy stand for many clients, and count for the process alone', async () => {
    await using server = new GuardedServer({
      maxConnections: 5,
      maxConnectionsPerIp: 1,
      trustedProxies: ['127.0.0.2'],
    });
    await server.hold(5, '127.0.0.2');
    expectRefusal(await server.ask('127.0.0.2'), /to this server/);
  });

  test('that are refused and stay are cut off, and a flood of them without a word', async () => {
    await using server = new GuardedServer({ maxConnectionsPerIp: 1 });
    await server.hold(1);
    const flood = Array.from({ length: 300 }, async () => {
      const socket = await server.connect('127.0.0.1', true);
      socket.resume();
      // The server resets what still stands there: only who writes sees it.
      const write = setInterval(() => socket.write('GET / HTTP/1.1\r\n'), 100);
      await new Promise<void>((resolve) => socket.once('close', resolve));
      clearInterval(write);
      return socket.bytesRead > 0;
    });
    const told = (await Promise.all(flood)).filter(Boolean);
    expect(server.refused).toHaveLength(300);
    expect(told.length).toBeGreaterThan(0);
    expect(told.length).toBeLessThan(300);
    expect(server.open).toBe(1);
  });
});

test('half-sent heads of one address leave room for others, and end with their time', async () => {
  await using server = new GuardedServer({ maxConnectionsPerIp: 20 }, 300);
  const slow = await server.hold(20, '127.0.0.2');
  const trickle = setInterval(() => {
    for (const socket of slow) if (socket.writable) socket.write('X-Slow: 1\r\n');
  }, 20);
  for (const socket of slow) socket.write('GET / HTTP/1.1\r\n');
  expectRefusal(await server.ask('127.0.0.2'), /of this address/);
  expect(await server.ask('127.0.0.3')).toMatch(/hello$/);
  const answers = await Promise.all(slow.map((socket) => text(socket)));
  clearInterval(trickle);
  for (const answer of answers) expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  await eventually(() => expect(server.open).toBe(0));
  expect(await server.ask('127.0.0.2')).toMatch(/hello$/);
});
