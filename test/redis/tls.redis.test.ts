import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createServer, type TLSSocket } from 'node:tls';
import { STREAM_START } from '@tasktrail/contract';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { BlockingReader } from '../../src/redis/blocking-reader.ts';
import { connectForCommands } from '../../src/redis/connections.ts';
import { openRedisAddress, type RedisSettings } from '../../src/redis/redis-address.ts';
import { Authority } from '../fixtures/authority.ts';
import { eventually } from '../fixtures/facts.ts';
import { startTlsRedis, temporaryDirectory, writeCertificate } from '../fixtures/tls-redis.ts';

const HOST = '127.0.0.1';

let ours: Authority;
let theirs: Authority;

beforeAll(async () => {
  [ours, theirs] = await Promise.all([Authority.create('Ours'), Authority.create('Theirs')]);
});

/** A connection as the program has it, and what it told. */
async function open(settings: RedisSettings) {
  const errors: string[] = [];
  const address = await openRedisAddress(settings);
  const options = { ...address, name: 'tls', onError: (e: Error) => void errors.push(e.message) };
  const redis = connectForCommands(options);
  onTestFinished(() => redis.disconnect());
  return { redis, errors, options };
}

/** Why the connection does not come about. */
async function refusalOf(settings: RedisSettings): Promise<string> {
  const { redis } = await open(settings);
  const failure = await redis.connect().catch((error: Error) => error);
  redis.disconnect();
  return failure instanceof Error ? `${failure.name}: ${failure.message}` : 'it connected';
}

async function fileOf(text: string): Promise<string> {
  const path = join(await temporaryDirectory(), 'file.pem');
  await writeFile(path, text);
  return path;
}

describe('Redis with a certificate of a private authority', () => {
  test('is trusted by who was given the authority, for commands and for blocking reads', async () => {
    const { url } = await startTlsRedis({ certificate: await ours.issue([HOST]) });
    const { redis, options } = await open({ url, caFile: await fileOf(ours.cert) });
    await redis.connect();
    await redis.xadd('events', '1-0', 'a', 'b');
    const reader = await BlockingReader.open(options, new AbortController().signal);
    onTestFinished(() => reader[Symbol.dispose]());
    expect(await reader.read('events', STREAM_START, 1)).toEqual([
      { id: '1-0', pairs: ['a', 'b'] },
    ]);
  });

  test('may come from any of several authorities, as while one is replaced', async () => {
    const { url } = await startTlsRedis({ certificate: await ours.issue([HOST]) });
    const caFile = await fileOf(`${theirs.cert}\n${ours.cert}`);
    const { redis } = await open({ url, caFile });
    await redis.connect();
    expect(await redis.ping()).toBe('PONG');
  });

  test('is trusted by nobody else, who are told which setting is missing or wrong', async () => {
    const { url } = await startTlsRedis({ certificate: await ours.issue([HOST]) });
    const refusals = [
      await refusalOf({ url }),
      await refusalOf({ url, caFile: await fileOf(theirs.cert) }),
    ];
    for (const refusal of refusals) {
      expect(refusal).toContain(`the certificate of ${url} comes from an authority that is not`);
      expect(refusal).toContain('set TASK_TRACKING_REDIS_CA to the PEM file');
    }
  });

  test('must be for the host that was named', async () => {
    const { url } = await startTlsRedis({ certificate: await ours.issue(['redis.internal']) });
    const refusal = await refusalOf({ url, caFile: await fileOf(ours.cert) });
    expect(refusal).toContain(`the certificate of ${url} is for another host`);
    expect(refusal).toContain('use a name that stands in it');
  });

  test('must not have expired', async () => {
    const { url } = await startTlsRedis({ certificate: await ours.issue([HOST], -1) });
    const refusal = await refusalOf({ url, caFile: await fileOf(ours.cert) });
    expect(refusal).toContain(`certificate has expired: renew the certificate of ${url}`);
  });

  test('may be missing at a port without TLS, which says nothing: that is said', async () => {
    const { plainUrl } = await startTlsRedis({ certificate: await ours.issue([HOST]) });
    const url = plainUrl.replace('redis:', 'rediss:');
    const refusal = await refusalOf({ url, caFile: await fileOf(ours.cert) });
    expect(refusal).toContain(`${url} does not answer, as a port without TLS does: name its`);
  });

  test('does not answer whoever comes without TLS, who is told to try it', async () => {
    const { url } = await startTlsRedis({ certificate: await ours.issue([HOST]) });
    const refusal = await refusalOf({ url: url.replace('rediss:', 'redis:') });
    expect(refusal).toContain('where it expects TLS, use rediss:// instead');
  });
});

describe('a sentinel with a certificate', () => {
  test.for([
    ['of another authority', () => theirs.issue([HOST]), 'an authority that is not trusted: set'],
    ['for another host', () => ours.issue(['redis.internal']), 'is for another host'],
    ['that has expired', () => ours.issue([HOST], -1), 'renew the certificate of'],
  ] as const)('%s is named with the same remedy', async ([, issue, remedy]) => {
    // It goes wrong before anything shows that it is none.
    const tls = await startTlsRedis({ certificate: await issue() });
    const url = `${tls.url.replace('rediss:', 'rediss+sentinel:')}/tasks`;
    const { redis, errors } = await open({ url, caFile: await fileOf(ours.cert) });
    void redis.connect().catch(() => undefined);
    await eventually(() => expect(errors.join('\n')).toContain(remedy));
    expect(errors.join('\n')).toContain(url);
  });

  test('of a new authority needs no restart either, although no sentinel has answered', async () => {
    const tls = await startTlsRedis({ certificate: await ours.issue([HOST]) });
    const url = `${tls.url.replace('rediss:', 'rediss+sentinel:')}/tasks`;
    const caFile = await fileOf(theirs.cert);
    const { redis, errors } = await open({ url, caFile });
    void redis.connect().catch(() => undefined);
    await eventually(() => expect(errors.at(-1)).toContain('an authority that is not trusted'));
    await writeFile(caFile, ours.cert);
    await eventually(() => expect(errors.at(-1)).toMatch(/fails \(ERR unknown command/));
  });
});

test('whoever connects says which host it wants, by which a proxy of many servers goes', async () => {
  const wanted: unknown[] = [];
  const proxy = createServer(await ours.issue(['localhost']), (socket: TLSSocket) => {
    wanted.push(socket.servername);
    socket.destroy();
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  onTestFinished(() => void proxy.close());
  const url = `rediss://localhost:${(proxy.address() as AddressInfo).port}`;
  await refusalOf({ url, caFile: await fileOf(ours.cert) });
  expect(wanted).toEqual(['localhost']);
});

describe('Redis that asks for a certificate', () => {
  async function startAsking() {
    return await startTlsRedis({
      certificate: await ours.issue([HOST]),
      clientAuthority: ours.cert,
    });
  }

  async function clientFiles(authority: Authority) {
    const certificate = await authority.issue(['tasktrail']);
    const { cert, key } = await writeCertificate(await temporaryDirectory(), certificate, 'client');
    return { certFile: cert, keyFile: key };
  }

  test('takes one of an authority that it knows', async () => {
    const { url } = await startAsking();
    const caFile = await fileOf(ours.cert);
    const { redis } = await open({ url, caFile, ...(await clientFiles(ours)) });
    await redis.connect();
    expect(await redis.ping()).toBe('PONG');
  });

  test('tells whoever has none which settings to set', async () => {
    const { url } = await startAsking();
    const refusal = await refusalOf({ url, caFile: await fileOf(ours.cert) });
    expect(refusal).toContain('asks for a certificate of an authority that it knows: set TASK_');
  });

  test('does not take one of another authority', async () => {
    const { url } = await startAsking();
    const caFile = await fileOf(ours.cert);
    const refusal = await refusalOf({ url, caFile, ...(await clientFiles(theirs)) });
    // When it hangs up, what it says of the certificate may be lost.
    expect(refusal).toMatch(/does not take the certificate in|of an authority that it knows/);
  });
});

describe('files that change while the program runs', () => {
  test('are read again: a certificate of a new authority needs no restart', async () => {
    const tls = await startTlsRedis({ certificate: await ours.issue([HOST]) });
    const caFile = await fileOf(ours.cert);
    const { redis, errors } = await open({ url: tls.url, caFile });
    await redis.connect();

    await tls.present(await theirs.issue([HOST]));
    await eventually(() => expect(errors.join()).toContain('an authority that is not trusted'));
    await writeFile(caFile, theirs.cert);
    await eventually(async () => expect(await redis.ping()).toBe('PONG'));
  });

  test('and cannot be used leave in force what was read before, and are named', async () => {
    const tls = await startTlsRedis({ certificate: await ours.issue([HOST]) });
    const caFile = await fileOf(ours.cert);
    const { redis, errors } = await open({ url: tls.url, caFile });
    await redis.connect();
    for (const spoil of [() => writeFile(caFile, 'half a'), () => rm(caFile)]) {
      await spoil();
      await tls.server.restart();
      await eventually(async () => expect(await redis.ping()).toBe('PONG'));
    }
    const file = `correct the Redis CA file ${caFile}`;
    expect(errors).toContain(`${file}: it holds no certificate in PEM`);
    expect(errors).toContain(`${file}: it cannot be read: ENOENT`);
  });
});
