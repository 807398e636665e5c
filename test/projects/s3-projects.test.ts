import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { MAX_LIST_BYTES, readBounded } from '../../src/projects/projects-source.ts';
import { parseS3Address } from '../../src/projects/s3-source.ts';
import { makeDirectory, replaceFile } from './directory.ts';
import { documentOf, runProjects } from './running-projects.ts';
import { ADDRESS, startS3Store, useCredentials } from './s3-store.ts';

describe('a list in an S3 object', () => {
  test('is fetched when it changed, and only asked about while it has not', async () => {
    const store = await startS3Store();
    await store.put(documentOf('a'));
    const { slugs, looks, projects, whenListed } = runProjects({
      source: ADDRESS,
      s3Endpoint: store.endpoint,
    });
    await projects.firstLook;
    expect(slugs()).toEqual(['a']);
    await looks.next('unchanged', 2);
    expect(store.reads.slice(0, 3).map(({ status }) => status)).toEqual([200, 304, 304]);
    await store.put(documentOf('a', 'b'));
    await whenListed('a', 'b');
    expect(looks.outcomes).not.toContain('failed');
    expect(projects.health().details).toMatchObject({ source: 's3', problem: null });
  });

  test('stays in force while the object is gone', async () => {
    const store = await startS3Store();
    await store.put(documentOf('a'));
    const { slugs, looks, projects, whenListed } = runProjects({
      source: ADDRESS,
      s3Endpoint: store.endpoint,
    });
    await projects.firstLook;
    await store.remove();
    await looks.next('failed', 2);
    expect(slugs()).toEqual(['a']);
    expect(projects.health().details).toMatchObject({
      source: 's3',
      problem: 'cannot be read: NoSuchKey (HTTP 404)',
    });
    await store.put(documentOf('b'));
    await whenListed('b');
  });

  test('stays in force while the object is not valid, which is fetched only once', async () => {
    const store = await startS3Store();
    await store.put(documentOf('a'));
    const { slugs, looks, projects, whenListed } = runProjects({
      source: ADDRESS,
      s3Endpoint: store.endpoint,
    });
    await projects.firstLook;
    await store.put('{"projects": [');
    await looks.next('failed', 3);
    expect(slugs()).toEqual(['a']);
    expect(projects.health().details.problem).toContain('must be JSON');
    expect(store.reads.filter(({ status }) => status === 200)).toHaveLength(2);
    await store.put(documentOf('a', 'b'));
    await whenListed('a', 'b');
    expect(projects.health().details.problem).toBeNull();
  });

  test('stays in force while the store is away, and is followed when it is back', async () => {
    const store = await startS3Store();
    await store.put(documentOf('a'));
    const fallbackPath = join(await makeDirectory(), 'fallback.json');
    await replaceFile(fallbackPath, documentOf('fallback'));
    const { slugs, looks, projects, log, whenListed } = runProjects({
      source: ADDRESS,
      s3Endpoint: store.endpoint,
      fallbackPath,
    });
    await projects.firstLook;
    await store.stop();
    await looks.next('failed', 3);
    expect(slugs()).toEqual(['a']);
    expect(projects.health().details.source).toBe('s3');
    await store.start();
    await looks.next('unchanged');
    expect(projects.health().details).toMatchObject({ brokenSince: null, problem: null });
    await store.put(documentOf('b'));
    await whenListed('b');
    expect(log.filter(({ level }) => level === 'warn').length).toBeLessThanOrEqual(2);
  });

  test('is stood in for by the fallback until the store is there for the first time', async () => {
    const store = await startS3Store();
    await store.put(documentOf('a'));
    await store.stop();
    const fallbackPath = join(await makeDirectory(), 'fallback.json');
    await replaceFile(fallbackPath, documentOf('fallback'));
    const { slugs, projects, log, whenListed } = runProjects({
      source: ADDRESS,
      s3Endpoint: store.endpoint,
      fallbackPath,
    });
    await projects.firstLook;
    expect(slugs()).toEqual(['fallback']);
    await replaceFile(fallbackPath, documentOf('edited'));
    await whenListed('edited');
    expect(projects.health().details).toMatchObject({
      source: 'fallback',
      problem: 'cannot be read: ECONNREFUSED',
    });
    await store.start();
    await whenListed('a');
    expect(projects.health().details).toMatchObject({ source: 's3', problem: null });
    expect(log.map(({ level, origin = '' }) => `${level} ${origin}`)).toEqual([
      'warn ',
      'info fallback',
      'info fallback',
      'info ',
      'info s3',
    ]);
  });

  test('is too large over 1 MiB', async () => {
    const store = await startS3Store();
    await store.put(' '.repeat(MAX_LIST_BYTES + 1));
    const { projects } = runProjects({ source: ADDRESS, s3Endpoint: store.endpoint });
    await projects.firstLook;
    expect(projects.health().details.problem).toContain('larger than 1048576 bytes');
  });

  test('leaves no connection to the store behind', async () => {
    const store = await startS3Store();
    await store.put(documentOf('a'));
    const { looks, stop } = runProjects({ source: ADDRESS, s3Endpoint: store.endpoint });
    await looks.next('unchanged');
    await stop();
    await store.whenDeserted();
  });
});

describe('a request to the store', () => {
  test('has the bucket in its path, and some region where none is configured', async () => {
    const store = await startS3Store();
    const { looks } = runProjects({ source: ADDRESS, s3Endpoint: store.endpoint });
    await looks.next('failed');
    expect(store.reads[0]?.request.url).toMatch(/^\/configuration\/tasktrail\/projects\.json\b/);
    expect(store.reads[0]?.request.headers.authorization).toContain('/us-east-1/s3/');
  });

  test('is signed for the region that is configured', async () => {
    const store = await startS3Store();
    vi.stubEnv('AWS_REGION', 'eu-west-3');
    const { looks } = runProjects({ source: ADDRESS, s3Endpoint: store.endpoint });
    await looks.next('failed');
    expect(store.reads[0]?.request.headers.authorization).toContain('/eu-west-3/s3/');
  });
});

describe('a store', () => {
  test('that never answers is given up in time', async () => {
    const { endpoint } = await listen(silentServer());
    const { projects } = runProjects(
      { source: ADDRESS, s3Endpoint: endpoint },
      { lookTimeoutMs: 100 },
    );
    await projects.firstLook;
    expect(projects.health().details.problem).toBe('cannot be read: TimeoutError');
  });

  test('that never answers holds up no stop', async () => {
    const { server, endpoint } = await listen(silentServer());
    const { stop, log, looks } = runProjects({ source: ADDRESS, s3Endpoint: endpoint });
    const [socket] = await once(server, 'connection');
    await stop();
    await once(socket, 'close');
    expect([log, looks.outcomes]).toEqual([[], []]);
  });

  test('that ignores the condition is not taken for changed', async () => {
    const { server, endpoint } = await answering((_, response) => {
      response.setHeader('ETag', '"same"').end(documentOf('a'));
    });
    const { looks, slugs } = runProjects({ source: ADDRESS, s3Endpoint: endpoint });
    await looks.next('unchanged');
    expect(slugs()).toEqual(['a']);
    expect(looks.outcomes).toEqual(['changed', 'unchanged']);
    await looks.next('unchanged', 10);
    // What was not read of an answer holds up no connection.
    expect(await promisify(server.getConnections.bind(server))()).toBeLessThan(5);
  });

  test('that names no version of the object is refused', async () => {
    const { endpoint } = await answering((_, response) => response.end(documentOf('a')));
    const { projects } = runProjects({ source: ADDRESS, s3Endpoint: endpoint });
    await projects.firstLook;
    expect(projects.health().details.problem).toContain('without an ETag');
  });

  test('that refuses is asked again at the next interval', async () => {
    let isOpen = false;
    const { endpoint } = await answering((_, response) => {
      if (!isOpen) return response.writeHead(403).end();
      return response.setHeader('ETag', '"1"').end(documentOf('a'));
    });
    const { projects, whenListed } = runProjects({ source: ADDRESS, s3Endpoint: endpoint });
    await projects.firstLook;
    expect(projects.health().details.problem).toContain('(HTTP 403)');
    isOpen = true;
    await whenListed('a');
  });
});

describe('reading', () => {
  test('ends a stream that has no end', async () => {
    let isEnded = false;
    async function* endless() {
      try {
        for (;;) yield Buffer.alloc(64 * 1024);
      } finally {
        isEnded = true;
      }
    }
    await expect(readBounded(endless())).rejects.toThrow('larger than');
    expect(isEnded).toBe(true);
  });
});

test.each([
  ['s3://bucket/key', { bucket: 'bucket', key: 'key' }],
  ['s3://bucket/a/b.json', { bucket: 'bucket', key: 'a/b.json' }],
  ['s3://bucket/', undefined],
  ['s3:///key', undefined],
  ['config/projects.json', undefined],
])('the address %s is %j', (text, address) => {
  expect(parseS3Address(text)).toEqual(address);
});

async function answering(listener: RequestListener) {
  return await listen(createHttpServer(listener));
}

/** Takes connections, reads what comes, and says nothing. */
function silentServer(): Server {
  return createServer((socket) => socket.on('error', () => undefined).resume());
}

/** Listens until the test ends, and gives this process some credentials to ask with. */
async function listen<S extends Server>(server: S): Promise<{ server: S; endpoint: string }> {
  useCredentials();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.close();
    await once(server, 'close');
  });
  return { server, endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
