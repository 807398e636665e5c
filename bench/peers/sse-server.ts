import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A Node server whose every answer is a stream; `tell` is one write to each viewer. */
export async function startSseServer(): Promise<{
  readonly port: number;
  readonly tell: (frames: Buffer) => void;
}> {
  const viewers = new Set<ServerResponse>();
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
    response.flushHeaders();
    viewers.add(response);
    response.once('close', () => viewers.delete(response));
  });
  return {
    port: await portOf(server),
    tell: (frames) => {
      for (const viewer of viewers) viewer.write(frames);
    },
  };
}

/** Listens with room for thousands that come at once; gives the port. */
export async function portOf(server: ReturnType<typeof createServer>): Promise<number> {
  server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
