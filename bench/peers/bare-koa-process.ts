import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Koa from 'koa';
import { answer } from '../harness/processes.ts';
import type { BareKoaOptions } from './bare-koa.ts';

/** Koa with one middleware, which sends bytes that are there, or asks Koa whether they are still fresh. */
answer<BareKoaOptions>(async ({ body, etag }) => {
  const bytes = Buffer.from(body);
  const app = new Koa();
  app.use((ctx) => {
    ctx.status = 200;
    if (etag !== undefined) {
      ctx.etag = etag;
      if (ctx.fresh) {
        ctx.status = 304;
        return;
      }
    }
    ctx.type = 'application/json';
    ctx.body = bytes;
  });
  const server = createServer(app.callback()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
});
