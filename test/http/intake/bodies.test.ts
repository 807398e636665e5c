import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { MAX_BODY_BYTES } from '../../../src/http/intake/request-body.ts';
import { answerOf, runDashboard } from '../running-dashboard.ts';
import {
  chunk,
  EVENT,
  postEvents,
  postWebhook,
  RawClient,
  rawAnswerOf,
  requestCounts,
  whenCounted,
} from './posting.ts';

const MIB = 1024 * 1024;
const ANSWERED = /\r\n\r\n\{.*\}$/s;
const TWO_ANSWERS = /HTTP.*HTTP.*\}$/s;
const STATUSES = /HTTP\/1\.1 \d+/g;
const PIPELINED = [
  'POST /events HTTP/1.1',
  'Host: localhost',
  'Authorization: Bearer ttk_valid',
  'Content-Type: application/json',
  'Content-Length: 2',
  '',
  '[]',
].join('\r\n');

describe('a body over 1 MiB', () => {
  test('is 413, and one of exactly 1 MiB is not', async () => {
    await using dashboard = await runDashboard();
    const tooLong = await postEvents(dashboard, ' '.repeat(MIB + 1));
    expect(await answerOf(tooLong)).toMatchObject({ status: 413, error: 'body_too_large' });
    expect((await postEvents(dashboard, `[]${' '.repeat(MIB - 2)}`)).status).toBe(202);
    expect(await requestCounts(dashboard)).toEqual({ 'http too_large': 1, 'http accepted': 1 });
  });

  test('is 413 at once where its length says so, before any of it came', async () => {
    await using dashboard = await runDashboard();
    using client = new RawClient(dashboard);
    client.begin(`Content-Length: ${MIB + 1}`);
    const { status, error, head } = rawAnswerOf(await client.until(ANSWERED));
    expect({ status, error }).toEqual({ status: 413, error: 'body_too_large' });
    expect(head).toMatch(/^Connection: close$/m);
    client.socket.destroy();
    // Its client left with the whole answer.
    const [line] = await dashboard.requestLines(1);
    expect(line).toMatchObject({ status: 413, reason: 'body_too_large' });
    expect(line).not.toHaveProperty('aborted');
  });

  test('is 413 as soon as there is too much of it, where its length is not said', async () => {
    await using dashboard = await runDashboard();
    using client = new RawClient(dashboard);
    client.begin('Transfer-Encoding: chunked').send(chunk(MIB)).send(chunk(1));
    const { status, head } = rawAnswerOf(await client.until(ANSWERED));
    expect(status).toBe(413);
    expect(head).toMatch(/^Connection: close$/m);
    expect(dashboard.stages.eventsRequests).toEqual([]);
  });

  test('is asked for by nobody who asks first', async () => {
    await using dashboard = await runDashboard();
    using client = new RawClient(dashboard);
    client.begin(`Content-Length: ${MIB + 1}`, 'Expect: 100-continue');
    const received = await client.until(ANSWERED);
    expect(received).not.toContain('100 Continue');
    expect(rawAnswerOf(received).status).toBe(413);
  });

  test('is thrown away while it comes, so that whoever sends all of it first reads why', async () => {
    await using dashboard = await runDashboard();
    using client = new RawClient(dashboard);
    client.socket.pause();
    client.begin(`Content-Length: ${5 * MIB}`);
    for (let sent = 0; sent < 5 * MIB; sent += MIB) {
      await new Promise<void>((resolve, reject) => {
        client.socket.write(Buffer.alloc(MIB), (error) => (error ? reject(error) : resolve()));
      });
    }
    client.socket.resume();
    expect(rawAnswerOf(await client.ended).status).toBe(413);
  });

  test('may come for ever, and is cut off then', async () => {
    await using dashboard = await runDashboard();
    using client = new RawClient(dashboard);
    client.begin('Transfer-Encoding: chunked');
    const megabyte = chunk(MIB);
    let sentMiB = 0;
    const send = () => {
      sentMiB += 1;
      client.socket.write(megabyte, (error) => (error ? undefined : send()));
    };
    send();
    await client.ended;
    expect(sentMiB).toBeGreaterThan(32);
    expect(sentMiB).toBeLessThan(64);
  });
});

describe('requests on one connection', () => {
  test('are not begun after one whose answer ends it', async () => {
    await using dashboard = await runDashboard();
    using client = new RawClient(dashboard);
    client.begin(`Content-Length: ${MIB + 1}`);
    await client.until(ANSWERED);
    client.send(Buffer.alloc(MIB + 1)).send(PIPELINED);
    expect(rawAnswerOf(await client.ended).status).toBe(413);
    expect(dashboard.stages.eventsRequests).toEqual([]);
  });

  test('are answered in order after one that was refused and is over', async () => {
    await using dashboard = await runDashboard();
    using client = new RawClient(dashboard);
    client.begin('Content-Encoding: gzip', 'Content-Length: 2').send(`{}${PIPELINED}`);
    const received = await client.until(TWO_ANSWERS);
    expect(received.match(STATUSES)).toEqual(['HTTP/1.1 415', 'HTTP/1.1 202']);
  });

  test('are begun exactly when they can be answered, wherever a body turned out too long', async () => {
    await using dashboard = await runDashboard();
    using client = new RawClient(dashboard);
    client.begin('Transfer-Encoding: chunked').send(chunk(MIB));
    client.send(`${chunk(1)}0\r\n\r\n${PIPELINED}`);
    const [first, ...more] = (await client.until(TWO_ANSWERS)).match(STATUSES) ?? [];
    expect(first).toBe('HTTP/1.1 413');
    expect(dashboard.stages.eventsRequests).toHaveLength(more.length);
  });
});

describe('a body that is encoded', () => {
  test.each(['gzip', 'deflate', 'br', 'GZIP', 'identity, gzip'])(
    'as %s is 415',
    async (encoding) => {
      await using dashboard = await runDashboard();
      const response = await dashboard.get('/events', {
        method: 'POST',
        headers: {
          Authorization: 'Bearer ttk_valid',
          'Content-Type': 'application/json',
          'Content-Encoding': encoding,
        },
        body: gzipSync(JSON.stringify(EVENT)),
      });
      const answer = await answerOf(response);
      expect(answer).toMatchObject({ status: 415, error: 'unsupported_content' });
      expect(answer.message).toContain('Content-Encoding');
      expect(await requestCounts(dashboard)).toEqual({ 'http unsupported': 1 });
    },
  );

  test('as identity is none', async () => {
    await using dashboard = await runDashboard();
    const response = await postEvents(dashboard, EVENT, { 'Content-Encoding': 'identity' });
    expect(response.status).toBe(202);
  });
});

describe('a client that asks before it sends', () => {
  test('is told to, when its body will be read', async () => {
    await using dashboard = await runDashboard();
    const asked = request(`${dashboard.url}/events`, {
      method: 'POST',
      headers: {
        Authorization: 'Bearer ttk_valid',
        'Content-Type': 'application/json',
        Expect: '100-continue',
      },
    });
    asked.flushHeaders();
    await once(asked, 'continue');
    asked.end(JSON.stringify(EVENT));
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(202);
    expect(await text(response)).toContain('"id"');
  });

  test('is refused without', async () => {
    await using dashboard = await runDashboard();
    using client = new RawClient(dashboard);
    client.begin('Authorization: Bearer x', 'Content-Length: 10', 'Expect: 100-continue');
    const received = await client.until(ANSWERED_WITHOUT_MESSAGE);
    expect(received).not.toContain('100 Continue');
    expect(received).toMatch(/^HTTP\/1\.1 401 /);
  });
});

const ANSWERED_WITHOUT_MESSAGE = /\{"error":"intake_unauthorized"\}$/;

describe('the bodies of a process', () => {
  test('take nothing before they come, however many are announced', async () => {
    await using dashboard = await runDashboard();
    await using clients = new AsyncDisposableStack();
    for (let i = 0; i < 40; i += 1) {
      const header = i % 2 === 0 ? `Content-Length: ${MIB}` : 'Transfer-Encoding: chunked';
      clients.use(new RawClient(dashboard)).begin(header);
    }
    const counted = () => dashboard.stages.counted.filter((each) => each === 'producer ci');
    await expect.poll(counted).toHaveLength(40);
    expect((await postEvents(dashboard, EVENT)).status).toBe(202);
  });

  test('that are tiny are taken, as many as come at once, with a length or without', async () => {
    await using dashboard = await runDashboard();
    await using clients = new AsyncDisposableStack();
    const held = Array.from({ length: 400 }, () => clients.use(new RawClient(dashboard)));
    const tiny = JSON.stringify(EVENT);
    const part = `${tiny.length.toString(16)}\r\n${tiny}\r\n`;
    for (const client of held) client.begin('Transfer-Encoding: chunked').send(part);
    const counted = () => dashboard.stages.counted.filter((each) => each === 'producer ci');
    await expect.poll(counted).toHaveLength(400);
    for (const client of held) client.send('0\r\n\r\n');
    await whenCounted(dashboard, { 'http accepted': 400 });
  });

  test('take 8 MiB of one producer; what is beyond is 503, and is taken later', async () => {
    await using dashboard = await runDashboard();
    await using clients = new AsyncDisposableStack();
    const held = Array.from({ length: 8 }, () => clients.use(new RawClient(dashboard)));
    for (const client of held) client.begin('Transfer-Encoding: chunked').send(chunk(MIB));
    // Until the server has all that was sent, nothing shows that it has.
    await expect
      .poll(async () => (await postEvents(dashboard, EVENT)).status, { interval: 20 })
      .toBe(503);

    const refused = await postEvents(dashboard, EVENT);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await answerOf(refused)).toMatchObject({ status: 503, error: 'unavailable' });
    const other = await postEvents(dashboard, EVENT, { Authorization: 'Bearer ttk_other' });
    expect(other.status).toBe(202);
    // Webhooks have their own, so that neither keeps the other out.
    expect((await postWebhook(dashboard, 'github')).status).toBe(202);

    held[0]?.send('0\r\n\r\n');
    await held[0]?.until(/HTTP\/1\.1 400 /);
    expect((await postEvents(dashboard, EVENT)).status).toBe(202);
    held[1]?.socket.destroy();
    await expect.poll(() => requestCounts(dashboard)).toMatchObject({ 'http aborted': 1 });
    expect((await postEvents(dashboard, `${' '.repeat(MIB - 2)}[]`)).status).toBe(202);
  });

  test('of webhooks take 8 MiB of one address, and others are taken', async () => {
    const http = { corsOrigins: [], trustedProxies: ['127.0.0.1'] };
    await using dashboard = await runDashboard({ http });
    const appended = Promise.withResolvers<void>();
    dashboard.stages.beforeAppend = () => appended.promise;
    const from = (address: string) => ({ 'X-Forwarded-For': address });
    const large = 'x'.repeat(MIB);
    const running = Array.from({ length: 8 }, () =>
      postWebhook(dashboard, 'github', from('192.0.2.1'), large),
    );
    await expect.poll(() => dashboard.stages.webhookRequests).toHaveLength(8);
    const refused = await postWebhook(dashboard, 'gitea', from('192.0.2.1'), large);
    expect(await answerOf(refused)).toMatchObject({ status: 503, error: 'unavailable' });
    running.push(postWebhook(dashboard, 'gitea', from('192.0.2.2'), large));
    await expect.poll(() => dashboard.stages.webhookRequests).toHaveLength(9);
    appended.resolve();
    for (const response of await Promise.all(running)) expect(response.status).toBe(202);
  });

  test('are held until they are worked on', async () => {
    await using dashboard = await runDashboard();
    const appended = Promise.withResolvers<void>();
    dashboard.stages.beforeAppend = () => appended.promise;
    const body = `[]${' '.repeat(MAX_BODY_BYTES - 2)}`;
    const running = Array.from({ length: 8 }, () => postEvents(dashboard, body));
    await expect.poll(() => dashboard.stages.eventsRequests).toHaveLength(8);
    expect((await postEvents(dashboard, EVENT)).status).toBe(503);
    appended.resolve();
    for (const response of await Promise.all(running)) expect(response.status).toBe(202);
    expect((await postEvents(dashboard, EVENT)).status).toBe(202);
  });

  test('come whole and in order, in whatever parts they come', async () => {
    await using dashboard = await runDashboard();
    const body = Array.from({ length: 40_000 }, (_, i) => `${i} `).join('');
    for (const size of [1, 777, 65_536]) {
      using client = new RawClient(dashboard);
      client.begin('Transfer-Encoding: chunked');
      const text = size === 1 ? body.slice(0, 5000) : body;
      for (let at = 0; at < text.length; at += size) {
        const part = text.slice(at, at + size);
        client.send(`${part.length.toString(16)}\r\n${part}\r\n`);
      }
      client.send('0\r\n\r\n');
      await client.until(/HTTP\/1\.1 400 /);
      expect(dashboard.stages.eventsRequests.at(-1)?.body.toString()).toBe(text);
    }
  });
});
