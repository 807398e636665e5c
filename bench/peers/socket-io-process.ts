import { createServer } from 'node:http';
import { createAdapter } from '@socket.io/redis-streams-adapter';
import { Redis } from 'ioredis';
import { Server } from 'socket.io';
import { answer } from '../harness/processes.ts';
import { portOf } from './sse-server.ts';

export type ToSocketIo =
  | { readonly kind: 'start'; readonly redisUrl: string }
  | { readonly kind: 'emit'; readonly items: readonly object[] };

let io: Server | undefined;

answer<ToSocketIo>(async (message) => {
  if (message.kind === 'emit') {
    for (const item of message.items) io?.emit('task', item);
    return undefined;
  }
  const server = createServer();
  const redis = new Redis(message.redisUrl, { replyMapping: 'legacy' });
  io = new Server(server, {
    adapter: createAdapter(redis, { readCount: 1000, onlyPlaintext: true }),
    transports: ['websocket'],
    // No viewer of the benchmark answers pings.
    pingInterval: 600_000,
  });
  // As its documents advise, to save memory.
  io.engine.on('connection', (socket: { request: unknown }) => {
    socket.request = null;
  });
  return await portOf(server);
});
