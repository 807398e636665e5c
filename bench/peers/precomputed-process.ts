import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { connect } from 'node:net';
import { answer } from '../harness/processes.ts';

export interface Replay {
  readonly redisUrl: string;
  /** Commands as they go over the wire. */
  readonly file: string;
}

const MARK = 'all-was-answered';
const END = Buffer.from(`\r\n${MARK}\r\n`);

/** Sends what was recorded as fast as it is taken. @returns seconds until all was answered */
async function replay({ redisUrl, file }: Replay): Promise<number> {
  const { hostname, port } = new URL(redisUrl);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  const isAnswered = new Promise<void>((resolve, reject) => {
    let tail = Buffer.alloc(0);
    socket.on('data', (bytes) => {
      tail = Buffer.concat([tail, bytes.subarray(-END.length)]).subarray(-END.length);
      if (tail.equals(END)) resolve();
    });
    socket.on('close', () => reject(new Error('Redis hung up')));
  });
  const startedAt = performance.now();
  for await (const bytes of createReadStream(file, { highWaterMark: 1024 * 1024 })) {
    if (!socket.write(bytes)) await once(socket, 'drain');
  }
  socket.write(`*2\r\n$4\r\nECHO\r\n$${MARK.length}\r\n${MARK}\r\n`);
  await isAnswered;
  socket.destroy();
  return (performance.now() - startedAt) / 1000;
}

answer(replay);
