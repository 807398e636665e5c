import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { useGoogle } from '../fixtures/google.ts';
import { useRedis } from '../fixtures/redis.ts';
import { answeredInTime, CostWatch } from './cost-watch.ts';
import { startTarget } from './hostile.ts';
import { expectNoInternals } from './internals.ts';
import { fill, SECRET } from './known.ts';

const redis = useRedis();
const google = useGoogle();

/** Connections on which any bytes come. */
const BYTES = 500;
const MOMENT_MS = 50;

test('whatever bytes come on a connection, none of them stops it', async () => {
  const target = await startTarget(redis, google);
  const { tokens } = await fill(target, redis, google);
  using costs = new CostWatch();
  const parts = fc.oneof(
    fc.constantFrom(
      'GET /dashboard/tasks HTTP/1.1\r\n',
      `GET /dashboard/tasks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tokens.ana}\r\n\r\n`,
      'GET /dashboard/tasks/stream HTTP/1.0\r\n',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      'POST /events HTTP/1.1\r\n',
      'OPTIONS * HTTP/1.1\r\n',
      'CONNECT example.com:443 HTTP/1.1\r\n',
      'Host: x\r\n',
      'Host: y\r\n',
      `Authorization: Bearer ${tokens.ana}\r\n`,
      'Content-Length: 5\r\n',
      'Content-Length: -1\r\n',
      'Transfer-Encoding: chunked\r\n',
      'Transfer-Encoding: identity\r\n',
      'Upgrade: websocket\r\nConnection: Upgrade\r\n',
      'Connection: close\r\n',
      'Expect: 200-maybe\r\n',
      ' folded: header\r\n',
      '\r\n',
      '0\r\n\r\n',
      'ffffffffffffffff\r\n',
    ),
    fc.string({ unit: 'binary-ascii', maxLength: 30 }),
    fc.constant('x'.repeat(20_000)),
  );
  const connections = fc.array(fc.array(parts, { maxLength: 12 }), {
    minLength: 10,
    maxLength: 10,
  });
  const valid = `GET /dashboard/tasks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tokens.ana}\r\n\r\n`;
  // Among random bytes a whole request comes once or twice, or by chance not at all.
  expect(await answersTo(target.port, valid)).toMatch(/^HTTP\/1\.1 200 /);
  let answers = 0;
  await fc.assert(
    fc.asyncProperty(connections, async (all) => {
      const received = await costs.run(all.length, BYTES, () =>
        Promise.all(all.map((bytes) => answeredInTime(answersTo(target.port, bytes.join(''))))),
      );
      for (const text of received) {
        for (const [, status] of text.matchAll(/^HTTP\/1\.1 (\d+)/gm)) {
          expect(Number(status) < 500 || Number(status) === 503).toBe(true);
          answers += 1;
        }
        expectNoInternals(text, {});
        expect(text).not.toContain(SECRET);
      }
    }),
    { numRuns: BYTES / 10 },
  );
  expect(answers).toBeGreaterThan(0);
  costs.expectBounded();
  await target.expectAlive();
}, 120_000);

test('a request that two readers could read in two ways is refused', async () => {
  const target = await startTarget(redis, google);
  const { tokens } = await fill(target, redis, google);
  const bearer = `Authorization: Bearer ${tokens.ana}\r\n`;
  const hidden = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';
  const post = (headers: string, body: string) =>
    `POST /events HTTP/1.1\r\nHost: x\r\n${headers}\r\n${body}${hidden}`;
  const get = (headers: string) => `GET /dashboard/tasks HTTP/1.1\r\n${headers}\r\n`;
  const requests: [string, number][] = [
    [post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'), 400],
    [post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', '0\r\n\r\n'), 400],
    [post('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n'), 400],
    [post('Content-Length: 0\r\nContent-Length: 5\r\n', ''), 400],
    [post('Content-Length: +0\r\n', ''), 400],
    [post('Content-Length : 0\r\n', ''), 400],
    [get(`Host: x\r\n${bearer}`).replaceAll('\r\n', '\n'), 400],
    [get(`Host: x\r\nAuthorization: Bearer\r\n ${tokens.ana}\r\n`), 400],
    [get(bearer), 400],
    // Two viewers in one request are none.
    [get(`Host: x\r\n${bearer}Authorization: Bearer ${tokens.root}\r\n`), 401],
    [get(`Host: x\r\nAuthorization: Bearer ${tokens.ana}, Bearer ${tokens.root}\r\n`), 401],
  ];
  for (const [bytes, status] of requests) {
    const received = await answersTo(target.port, bytes);
    const statuses = [...received.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, digits]) =>
      Number(digits),
    );
    expect(statuses, bytes).toEqual([status]);
  }
  await target.expectAlive();
});

/** Everything that comes in a moment, or until the server ends the connection. */
async function answersTo(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  socket.on('error', () => undefined);
  socket.write(bytes, 'latin1');
  // Ended at once, Node would give no answer that takes longer than parsing.
  const ending = setTimeout(() => socket.end(), MOMENT_MS);
  const received = await text(socket).catch(() => '');
  clearTimeout(ending);
  return received;
}
