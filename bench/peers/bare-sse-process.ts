import { answer } from '../harness/processes.ts';
import { readItems } from './item-stream.ts';
import { startSseServer } from './sse-server.ts';

/** Frames of what came in one read are one Buffer, and one write to each viewer. */
answer<{ redisUrl: string }>(async ({ redisUrl }) => {
  const { port, tell } = await startSseServer();
  void readItems(redisUrl, (items) => {
    const frames = items.map(({ id, json }) => `id: ${id}\nevent: task\ndata: ${json}\n\n`);
    tell(Buffer.from(frames.join('')));
  });
  return port;
});
