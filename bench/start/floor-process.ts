import { createServer } from 'node:http';
import { Redis } from 'ioredis';

/** The least that a server on Redis does before it is ready: to load, to connect, to listen. */
const [host = '', port = ''] = (process.env.REDIS ?? '').split(':');
const redis = new Redis({ host, port: Number(port) });
await redis.ping();
createServer((_request, response) => response.end('ok')).listen(
  Number(process.env.TASK_DASHBOARD_PORT),
  '127.0.0.1',
);
