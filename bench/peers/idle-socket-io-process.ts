import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';
import { answer } from '../harness/processes.ts';
import { BEAT_MS } from '../memory/idle-server.ts';

/** Socket.IO over WebSocket alone, and without the request of each socket, as its documents advise. */
const server = createServer();
const io = new Server(server, {
  transports: ['websocket'],
  pingInterval: BEAT_MS,
  serveClient: false,
});
io.engine.on('connection', (socket) => {
  socket.request = null;
});

answer(async (message: 'listen' | 'publish') => {
  if (message === 'publish') {
    io.emit('message', 'x'.repeat(400));
    return undefined;
  }
  server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 });
  await new Promise((resolve) => server.once('listening', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
