import { once } from 'node:events';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { pino } from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type HttpServer, listen } from '../../src/http/server.ts';
import { endBody, takeConnection, wasEnded } from '../../src/http/taken-connections.ts';
import { eventually } from '../fixtures/facts.ts';

const REQUEST = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';

/** Out here, since a function made where the answer is known would hold it. */
function ignore(): void {}

/** A server whose answers go on upon their connections, and a client that has read the head. */
async function start({ request = REQUEST, bytes = 'live' } = {}) {
  const bodies: (Socket | ServerResponse)[] = [];
  const requests: WeakRef<IncomingMessage>[] = [];
  const badRequests: number[] = [];
  const handler: RequestListener = (req, res) => {
    requests.push(new WeakRef(req));
    // As after an authentication.
    setImmediate(() => {
      res.useChunkedEncodingByDefault = false;
      res.writeHead(200, { Connection: 'close' }).flushHeaders();
      const body = takeConnection(res);
      body.on('error', ignore);
      bodies.push(body);
      body.write(bytes);
    });
  };
  const server: HttpServer = await listen({
    ...{ handler, host: '127.0.0.1', port: 0, settings: { host: 'HOST', port: 'PORT' } },
    logger: pino({ level: 'silent' }),
    onBadRequest: (status) => badRequests.push(status),
  });
  onTestFinished(() => server.close(0));
  const client = connect(Number(new URL(server.url).port), '127.0.0.1');
  onTestFinished(() => void client.destroy());
  const read: Buffer[] = [];
  client.on('error', () => {}).on('data', (data) => read.push(data));
  client.write(request);
  const text = () => Buffer.concat(read).toString();
  await eventually(() => expect(text()).toContain(bytes));
  return { server, client, bodies, requests, badRequests, text };
}

describe('a connection that has been taken', () => {
  test('takes what is written to its end, and closes with it', async () => {
    const { client, bodies, text } = await start();
    const ended = once(client, 'end');
    for (const body of bodies) {
      body.write(' and ');
      endBody(body, Buffer.from('over'));
    }
    await ended;
    expect(text().split('\r\n\r\n')[1]).toBe('live and over');
    expect(text()).not.toMatch(/transfer-encoding|keep-alive/i);
    await eventually(() => expect(bodies.map((body) => wasEnded(body as Socket))).toEqual([true]));
  });

  test('outlasts an empty line, which asks nothing', async () => {
    const { client, bodies, text } = await start();
    client.write('\r\n');
    const [body] = bodies as [Socket];
    await eventually(() => expect(body.bytesRead).toBe(REQUEST.length + 2));
    body.write(' still');
    await eventually(() => expect(text()).toContain('still'));
  });

  test('was not ended where its client left, also one that said so', async () => {
    const { client, bodies } = await start();
    client.end();
    await eventually(() => expect(bodies.map((body) => body.closed)).toEqual([true]));
    expect(bodies.map((body) => wasEnded(body as Socket))).toEqual([false]);
  });

  test('keeps nothing of its request, which may hold a token', async () => {
    const all = await Promise.all(Array.from({ length: 10 }, () => start()));
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    await eventually(() => {
      collectGarbage();
      const left = all.filter(({ requests: [request] }) => request?.deref() !== undefined);
      expect(left.length).toBe(0);
    });
    expect(all.every(({ bodies: [body] }) => body?.destroyed === false)).toBe(true);
  });

  test.each([
    ['a further request', REQUEST],
    ['what is no request', 'nonsense\r\n\r\n'],
  ])('is closed by %s, without an answer into the body', async (_, sent) => {
    const { client, requests, badRequests, text } = await start();
    const closed = once(client, 'close');
    client.write(sent);
    await closed;
    expect(text().split('\r\n\r\n')[1]).toBe('live');
    expect(requests).toHaveLength(1);
    expect(badRequests).toEqual([]);
  });

  test('is nothing of HTTP to Node any more, whose parser is larger than all of a stream', async () => {
    const { bodies } = await start();
    await eventually(() => {
      const names = bodies.flatMap((body) => body.listeners('close').map(({ name }) => name));
      expect(names).not.toContain('bound socketOnClose');
    });
  });

  test('closes when its client says that it sends no more', async () => {
    const { client, bodies } = await start();
    client.end();
    await eventually(() => expect(bodies[0]?.destroyed).toBe(true));
  });

  test('is cut off at the deadline of a server that closes', async () => {
    const { server, bodies } = await start();
    await server.close(50);
    expect(bodies[0]?.destroyed).toBe(true);
  });

  test('outlasts the time that Node gives to an idle connection', async () => {
    const { bodies } = await start();
    await eventually(() => expect((bodies[0] as Socket).timeout ?? 0).toBe(0));
  });
});

test('a connection with several requests on it is not taken', async () => {
  const { bodies } = await start({ request: REQUEST.repeat(2) });
  await eventually(() => expect(bodies).toHaveLength(2));
  for (const body of bodies) expect(body).toHaveProperty('req');
});
