import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createChannel, createSession } from 'better-sse';
import { answer } from '../harness/processes.ts';
import { BEAT_MS } from '../memory/idle-server.ts';

/** better-sse as its documents show it: a session a stream, all of them in one channel. */
const channel = createChannel();

const server = createServer(async (request, response) => {
  const session = await createSession(request, response, { keepAlive: BEAT_MS });
  session.push({}, 'live');
  channel.register(session);
});

answer(async (message: 'listen' | 'publish') => {
  if (message === 'publish') {
    channel.broadcast('x'.repeat(400), 'message');
    return undefined;
  }
  server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 });
  await new Promise((resolve) => server.once('listening', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
