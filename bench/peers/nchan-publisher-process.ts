import { once } from 'node:events';
import { connect } from 'node:net';
import { answer } from '../harness/processes.ts';
import { readItems } from './item-stream.ts';

/**
 * Reads the stream and publishes each item, all over one connection and without waiting for answers:
 * the least that publishing to Nchan costs, and in order.
 */
answer<{ redisUrl: string; port: number }>(async ({ redisUrl, port }) => {
  const socket = connect(port, '127.0.0.1').setNoDelay();
  await once(socket, 'connect');
  socket.resume();
  void readItems(redisUrl, (items) => {
    const requests = items.map(
      ({ json }) =>
        'POST /pub HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n' +
        `X-EventSource-Event: task\r\nContent-Length: ${Buffer.byteLength(json)}\r\n\r\n${json}`,
    );
    socket.write(requests.join(''));
  });
  return undefined;
});
