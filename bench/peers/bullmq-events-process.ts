import { QueueEvents, Worker } from 'bullmq';
import { answer } from '../harness/processes.ts';
import { QUEUE } from './bullmq-events.ts';
import { startSseServer } from './sse-server.ts';

export interface ToBullmq {
  readonly kind: 'serve' | 'work';
  readonly redisUrl: string;
}

answer<ToBullmq>(async ({ kind, redisUrl }) => {
  const connection = { url: redisUrl };
  if (kind === 'work') {
    await new Worker(QUEUE, async ({ data }) => data, { connection }).waitUntilReady();
    return undefined;
  }
  const { port, tell } = await startSseServer();
  const events = new QueueEvents(QUEUE, { connection });
  await events.waitUntilReady();
  let frames: string[] = [];
  events.on('completed', ({ returnvalue }, id) => {
    // Told at the end of the turn, so that one read of many costs a viewer one write.
    if (frames.length === 0) {
      setImmediate(() => {
        tell(Buffer.from(frames.join('')));
        frames = [];
      });
    }
    frames.push(`id: ${id}\nevent: task\ndata: ${JSON.stringify(returnvalue)}\n\n`);
  });
  return port;
});
