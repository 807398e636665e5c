import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { eventually } from '../fixtures/facts.ts';
import { freePort } from '../oracle/world/ports.ts';
import { isNginxHere, type Nginx, startNginx } from '../rigs/deploy/nginx.ts';

/** What deploy/nginx/tasktrail.conf does with servers that do as they are told here. */

type Answer = (req: IncomingMessage, res: ServerResponse) => void;

const MIB = 1024 * 1024;
const STREAM = '/dashboard/tasks/stream';

describe.skipIf(!isNginxHere())(
  'nginx as it is shipped (skipped where it is not installed)',
  () => {
    test('passes each frame on as it is written', async () => {
      const { nginx } = await start((_, res) => {
        res.writeHead(200, { 'Content-Type': 'text/event-stream' });
        res.write('data: 1\n\n');
        res.on('close', () => res.end());
      });
      const sent = request(`${nginx.url}${STREAM}`);
      const [response] = (await once(sent.end(), 'response')) as [IncomingMessage];
      expect(String((await once(response, 'data'))[0])).toBe('data: 1\n\n');
      response.destroy();
    });

    test('asks the other server where one is gone, drains or breaks off, unless that may do twice what was asked', async () => {
      const { nginx, seen } = await start((req, res) => {
        if (req.url === STREAM) res.writeHead(503).end();
        else req.socket.destroy();
      }, answerNothing);
      for (let n = 0; n < 4; n += 1) expect(await statusOf(nginx, '/dashboard/tasks')).toBe(204);
      for (let n = 0; n < 4; n += 1) expect(await statusOf(nginx, STREAM)).toBe(204);
      const before = seen.length;
      const posts = [await post(nginx, '/events', 'x'), await post(nginx, '/events', 'x')];
      expect(posts.map(({ status }) => status).toSorted()).toEqual([204, 503]);
      expect(seen.length - before).toBe(2);

      const { nginx: other } = await start(undefined, answerNothing);
      for (let n = 0; n < 4; n += 1) {
        expect(await statusOf(other, '/dashboard/tasks')).toBe(204);
        expect(await statusOf(other, STREAM)).toBe(204);
        expect((await post(other, '/webhooks/github', 'x')).status).toBe(204);
      }
    });

    test('gives a server everything again as soon as it is back', async () => {
      const ports = [await freePort(), await freePort()];
      const nginx = await startNginx(ports.map((port) => `http://127.0.0.1:${port}`));
      onTestFinished(() => nginx[Symbol.asyncDispose]());
      for (let n = 0; n < 4; n += 1) expect(await statusOf(nginx, '/dashboard/tasks')).toBe(503);
      let streams = 0;
      await serve((_, res) => {
        streams += 1;
        res.writeHead(200).flushHeaders();
      }, ports[0]);
      const cut = new AbortController();
      onTestFinished(() => cut.abort());
      for (let n = 0; n < 10; n += 1) await fetch(`${nginx.url}${STREAM}`, cut);
      expect(streams).toBe(10);
    });

    test('tells clients to come back where no server can be reached', async () => {
      const { nginx } = await start(undefined, undefined);
      const stream = await fetch(`${nginx.url}${STREAM}`);
      expect(stream.status).toBe(200);
      expect(stream.headers.get('content-type')).toBe('text/event-stream');
      expect(stream.headers.get('access-control-allow-origin')).toBe('*');
      expect(await stream.text()).toMatch(/^retry: [2-6]000\n\n$/);
      for (const answer of [
        await fetch(`${nginx.url}/dashboard/tasks`),
        await post(nginx, '/events', 'x'),
        await post(nginx, '/webhooks/github', 'x'),
      ]) {
        expect(answer.status).toBe(503);
        expect(answer.headers.get('retry-after')).toMatch(/^[2-6]$/);
        expect(answer.headers.get('access-control-allow-origin')).toBe('*');
        expect(await answer.json()).toMatchObject({ error: 'unavailable' });
      }
    });

    test('leaves what a server refuses as it is, but for streams that every server refuses', async () => {
      const { nginx } = await start((_, res) => {
        res.writeHead(503, { 'Retry-After': '5' }).end('{"error":"unavailable"}');
      });
      const stream = await fetch(`${nginx.url}${STREAM}`);
      expect(stream.status).toBe(200);
      expect(await stream.text()).toMatch(/^retry: /);
      const answer = await fetch(`${nginx.url}/dashboard/tasks`);
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
      expect(await answer.json()).toEqual({ error: 'unavailable' });
    });

    test('adds the address of the client behind whatever that claims', async () => {
      const { nginx, seen } = await start(answerNothing);
      await fetch(`${nginx.url}${STREAM}`, {
        headers: { 'X-Forwarded-For': '198.51.100.1', 'X-Request-Id': 'mine', Prefer: 'nothing' },
      });
      const { headers } = seen[0] as IncomingMessage;
      expect(headers['x-forwarded-for']).toBe('198.51.100.1, 127.0.0.1');
      expect(headers['x-request-id']).not.toBe('mine');
      expect(headers.prefer).toBe('failover');
    });

    test('takes bodies of 1 MiB where there are bodies, and says what is too large', async () => {
      const { nginx, seen } = await start((req, res) => {
        req.resume().on('end', () => res.writeHead(204).end());
      });
      for (const path of ['/events', '/webhooks/gitea']) {
        expect((await post(nginx, path, 'x'.repeat(MIB))).status).toBe(204);
        const refused = await post(nginx, path, 'x'.repeat(MIB + 1));
        expect(refused.status).toBe(413);
        expect(await refused.json()).toMatchObject({ error: 'body_too_large' });
      }
      expect((await post(nginx, '/dashboard/tasks', 'x'.repeat(2000))).status).toBe(413);
      expect(await statusOf(nginx, `/dashboard/tasks?cursor=${'x'.repeat(8000)}`)).toBe(204);
      expect(await statusOf(nginx, `/dashboard/tasks?cursor=${'x'.repeat(9000)}`)).toBe(414);
      expect(seen.length).toBe(3);
    });

    test.each(['/metrics', '/healthz', '/readyz', '/', '/dashboards'])(
      'shows nothing of %s',
      async (path) => {
        const { nginx, seen } = await start(answerNothing);
        const answer = await fetch(`${nginx.url}${path}`);
        expect(answer.status).toBe(404);
        expect(await answer.json()).toMatchObject({ error: 'route_not_found' });
        expect(seen).toEqual([]);
      },
    );

    test('logs no query and no header, whatever goes wrong', async () => {
      const { nginx } = await start((req) => req.socket.destroy(), undefined);
      const secrets = { headers: { Authorization: 'Bearer hidden', Referer: 'http://a/?hidden' } };
      const paths = [`${STREAM}?authToken=hidden`, '/dashboard/tasks?hidden', '/nothing?hidden'];
      for (const path of [...paths, `/dashboard/tasks?${'hidden'.repeat(2000)}`]) {
        await (await fetch(nginx.url + path, secrets)).text();
      }
      await eventually(async () => {
        const lines = (await nginx.logs()).split('\n').filter((line) => line.startsWith('{'));
        expect(lines.map((line) => JSON.parse(line).path)).toEqual(
          expect.arrayContaining([STREAM]),
        );
        expect(lines).toHaveLength(4);
      });
      expect(await nginx.logs()).not.toContain('hidden');
    });
  },
);

const answerNothing: Answer = (req, res) => {
  req.resume();
  res.writeHead(204).end();
};

/** @param answers of the two servers; the second does as the first; undefined: it is not there */
async function start(first: Answer | undefined, second: Answer | undefined = first) {
  const seen: IncomingMessage[] = [];
  const urls = await Promise.all(
    [first, second].map(async (answer) => {
      if (answer === undefined) return `http://127.0.0.1:${await freePort()}`;
      return await serve((req, res) => {
        seen.push(req);
        answer(req, res);
      });
    }),
  );
  const nginx = await startNginx(urls);
  onTestFinished(() => nginx[Symbol.asyncDispose]());
  return { nginx, seen };
}

async function serve(answer: Answer, port = 0): Promise<string> {
  const server = createServer(answer).listen(port, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function statusOf({ url }: Nginx, path: string): Promise<number> {
  const response = await fetch(url + path);
  await response.arrayBuffer();
  return response.status;
}

async function post({ url }: Nginx, path: string, body: string): Promise<Response> {
  return await fetch(url + path, { method: 'POST', body });
}
