import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answer } from '../harness/processes.ts';
import { BEAT_MS } from '../memory/idle-server.ts';

/** Server-Sent Events as a few lines of Node write them: no authentication, no replay, no bounds. */
const streams = new Set<ServerResponse>();

const server = createServer((_request, response) => {
  response.writeHead(200, {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-cache, no-transform',
  });
  response.write('retry: 1000\n\nevent: keepalive\ndata: {}\n\n');
  streams.add(response);
  response.once('close', () => streams.delete(response));
});

answer(async (message: 'listen' | 'publish') => {
  if (message === 'publish') return tell(`event: message\ndata: ${'x'.repeat(400)}\n\n`);
  server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 });
  await new Promise((resolve) => server.once('listening', resolve));
  setInterval(() => tell('event: keepalive\ndata: {}\n\n'), BEAT_MS);
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

function tell(text: string): void {
  const frame = Buffer.from(text);
  for (const response of streams) response.write(frame);
}
