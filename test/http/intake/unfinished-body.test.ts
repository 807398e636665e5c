import { describe, expect, test } from 'vitest';
import { runDashboard } from '../running-dashboard.ts';
import { chunk, RawClient, rawAnswerOf, whenCounted } from './posting.ts';

describe('a body that does not come to its end', () => {
  const timeouts = { headersMs: 100, requestMs: 100, keepAliveMs: 60_000, checkMs: 20 };

  test.each([
    ['with a length', 'Content-Length: 100', '{"a"'],
    ['without', 'Transfer-Encoding: chunked', chunk(3)],
  ])('in time is 408: one %s', async (_, header, part) => {
    await using dashboard = await runDashboard({}, timeouts);
    using client = new RawClient(dashboard);
    client.begin(header).send(part);
    const { status, error, head } = rawAnswerOf(await client.ended);
    expect({ status, error }).toEqual({ status: 408, error: 'invalid_query' });
    expect(head).toMatch(/^Connection: close$/m);
    expect(head).toMatch(/^Cache-Control: no-store$/m);
    await whenCounted(dashboard, { 'http aborted': 1 });
    expect(await dashboard.requestLines(1)).toMatchObject([{ status: 408, producer: 'ci' }]);
    expect(dashboard.stages.eventsRequests).toEqual([]);
    expect(dashboard.logged()).not.toContain('"level":"error"');
  });

  test('while its request is answered is cut off, and the answer stays whole', async () => {
    await using dashboard = await runDashboard({}, timeouts);
    using client = new RawClient(dashboard);
    client.begin(`Content-Length: 2000000`).send('x');
    expect(rawAnswerOf(await client.ended).status).toBe(413);
  });

  test('behind a request that still runs says nothing into its answer', async () => {
    await using dashboard = await runDashboard({}, timeouts);
    dashboard.stages.beforeAppend = () => new Promise(() => undefined);
    using client = new RawClient(dashboard);
    client.begin('Content-Length: 2').send('[]').begin('Content-Length: 2').send('[');
    expect(await client.ended).toBe('');
  });

  test.each([
    // What closes a connection may still read, so it is answered.
    ['closes the connection', 400, (client: RawClient) => client.socket.destroy()],
    ['resets the connection', 499, (client: RawClient) => client.socket.resetAndDestroy()],
  ])('because its client %s appends nothing', async (_, status, leave) => {
    await using dashboard = await runDashboard();
    const { stages } = dashboard;
    using client = new RawClient(dashboard);
    client.begin('Content-Length: 100').send('{"a"');
    await expect.poll(() => stages.counted).toContain('producer ci');
    leave(client);
    await whenCounted(dashboard, { 'http aborted': 1 });
    const [line] = await dashboard.requestLines(1);
    expect(line).toMatchObject({ status, producer: 'ci', reason: 'incomplete_request' });
    expect(stages.eventsRequests).toEqual([]);
    const levels = dashboard.logged().matchAll(/"level":"(\w+)"/g);
    for (const [, level] of levels) expect(['trace', 'debug', 'info']).toContain(level);
  });

  test.each([
    ['is cut short', 'Content-Length: 100', '{"a"'],
    ['is no chunk', 'Transfer-Encoding: chunked', 'zz\r\n'],
  ])('because it %s is 400, where somebody still reads', async (_, header, part) => {
    await using dashboard = await runDashboard();
    using client = new RawClient(dashboard);
    client.begin(header);
    client.socket.end(part);
    expect(rawAnswerOf(await client.ended)).toMatchObject({ status: 400, error: 'invalid_query' });
    await whenCounted(dashboard, { 'http aborted': 1 });
    expect(dashboard.stages.eventsRequests).toEqual([]);
  });

  test('before its sender is known appends nothing either', async () => {
    const known = Promise.withResolvers<never>();
    await using dashboard = await runDashboard();
    const { stages } = dashboard;
    const count = stages.count.bind(stages);
    stages.count = async (kind, name) => {
      if (kind === 'producer') await known.promise.catch(() => undefined);
      return await count(kind, name);
    };
    using client = new RawClient(dashboard);
    client.begin('Content-Length: 2').send('[]');
    await expect.poll(() => stages.counted).toContain('address 127.0.0.1');
    client.socket.destroy();
    await dashboard.requestLines(1);
    known.reject(new Error('now'));
    await whenCounted(dashboard, { 'http aborted': 1 });
    expect(stages.eventsRequests).toEqual([]);
  });
});
