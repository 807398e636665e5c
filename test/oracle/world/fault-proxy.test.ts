import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { eventually } from '../../fixtures/facts.ts';
import { FaultProxy } from './fault-proxy.ts';
import { Tally } from './tally.ts';

/** A server that answers everything with itself, behind a proxy. */
async function open() {
  const arrived: string[] = [];
  const server = createServer((socket) => {
    socket.on('data', (bytes) => arrived.push(String(bytes))).on('error', () => {});
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const tally = new Tally();
  const { port } = server.address() as AddressInfo;
  const proxy = await FaultProxy.open(`redis://127.0.0.1:${port}`, tally);
  onTestFinished(() => proxy[Symbol.asyncDispose]());
  const dial = async () => {
    const socket = connect(Number(new URL(proxy.url).port), '127.0.0.1').on('error', () => {});
    onTestFinished(() => void socket.destroy());
    const client = { socket, text: '', isClosed: false };
    socket.setEncoding('utf8').on('data', (text) => {
      client.text += text;
    });
    socket.on('close', () => {
      client.isClosed = true;
    });
    await once(socket, 'connect');
    return client;
  };
  return { proxy, tally, dial, arrived };
}

async function says(client: { readonly socket: Socket; readonly text: string }, text: string) {
  client.socket.write(text);
  await eventually(() => expect(client.text).toContain(text));
}

test('a reply ends in the middle, and its connection with it', async () => {
  const { proxy, tally, dial } = await open();
  const client = await dial();
  await says(client, 'whole');
  proxy.cutNextReply(3);
  client.socket.write('0123456789');
  await eventually(() => expect(client.isClosed).toBe(true));
  expect(client.text).toBe('whole012');
  expect(tally.of('replies cut')).toBe(1);
});

test('what is held back arrives whole and in order', async () => {
  const { proxy, tally, dial } = await open();
  const client = await dial();
  proxy.hold();
  client.socket.write('one,');
  await eventually(() => expect(tally.of('packets lost or held')).toBe(1));
  client.socket.write('two');
  await eventually(() => expect(tally.of('packets lost or held')).toBe(2));
  expect(client.text).toBe('');
  proxy.release();
  await eventually(() => expect(client.text).toBe('one,two'));
});

test('a connection that fell silent stays silent, and a new one works', async () => {
  const { proxy, tally, dial } = await open();
  const client = await dial();
  proxy.fallSilent();
  client.socket.write('lost');
  await eventually(() => expect(tally.of('packets lost or held')).toBe(1));
  proxy.hear();
  await says(await dial(), 'heard');
  expect([client.text, client.isClosed]).toEqual(['', false]);
});

test('every connection is reset', async () => {
  const { proxy, tally, dial } = await open();
  const clients = [await dial(), await dial()];
  for (const client of clients) await says(client, 'here');
  proxy.reset();
  await eventually(() => expect(clients.every(({ isClosed }) => isClosed)).toBe(true));
  expect(tally.of('connections reset')).toBe(2);
});

test.each([
  ['arrives', 'a request'],
  ['arrives-late', 'a request'],
  ['is-cut', 'a re'],
] as const)('a request whose sender ends meanwhile %s', async (fate, expected) => {
  const { proxy, dial, arrived } = await open();
  const client = await dial();
  const sprung = proxy.whileSending('request', fate, async () => {
    client.socket.destroy();
    await once(client.socket, 'close');
  });
  client.socket.write('a request');
  await sprung;
  await eventually(() => expect(arrived.join('')).toBe(expected));
  expect(client.text).toBe('');
});
