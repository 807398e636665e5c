import { LOAD_CORE, SERVER_CORE, startWorker } from '../harness/processes.ts';
import type { Carrier } from '../live/live.ts';
import { startPeerRedis } from './fed-by-redis.ts';
import type { ToSocketIo } from './socket-io-process.ts';
import { versionOf } from './version-of.ts';

const MODULE = new URL('socket-io-process.ts', import.meta.url);
/** Of Socket.IO: a packet of Engine.IO, `4` for a message, whose text is `0`: connect me. */
const CONNECT = '40';

/**
 * Two servers that know each other by the adapter for Redis streams: viewers are connected to one, and
 * the other, which has none, emits.
 */
export const SOCKET_IO: Carrier = {
  name: 'Socket.IO',
  version: `${versionOf('socket.io')}, ${versionOf('@socket.io/redis-streams-adapter')}`,
  start: async () => {
    await using resources = new AsyncDisposableStack();
    const { url: redisUrl } = await startPeerRedis(resources);
    const server = resources.use(await startWorker(MODULE, SERVER_CORE));
    const port = await server.ask<number>({ kind: 'start', redisUrl } satisfies ToSocketIo);
    const emitter = resources.use(await startWorker(MODULE, LOAD_CORE));
    await emitter.ask({ kind: 'start', redisUrl } satisfies ToSocketIo);
    const owned = resources.move();
    return {
      serverPid: server.pid,
      door: { port, requests: [UPGRADE], greeting: maskedText(CONNECT) },
      publish: async (events) => {
        const items = events.map(({ item }) => item);
        await emitter.ask({ kind: 'emit', items } satisfies ToSocketIo);
      },
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  },
};

const UPGRADE =
  'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n' +
  'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

/** RFC 6455, section 5.2: a final frame of text, whose mask of zeros changes nothing. */
function maskedText(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
}
