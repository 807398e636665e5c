import { createServer } from 'node:http';
import { createChannel, createSession } from 'better-sse';
import { answer } from '../harness/processes.ts';
import { readItems } from './item-stream.ts';
import { portOf } from './sse-server.ts';

/** A channel, as its documents broadcast; the JSON is taken as it is, so that it is not made again. */
answer<{ redisUrl: string }>(async ({ redisUrl }) => {
  const channel = createChannel();
  const server = createServer((request, response) => {
    const options = { keepAlive: null, retry: null, serializer: String };
    void createSession(request, response, options).then((session) => channel.register(session));
  });
  void readItems(redisUrl, (items) => {
    for (const { id, json } of items) channel.broadcast(json, 'task', { eventId: id });
  });
  return await portOf(server);
});
