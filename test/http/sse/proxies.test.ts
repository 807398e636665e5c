import { describe, expect, test } from 'vitest';
import { RunningStreams } from './running-streams.ts';

/** Every request comes from loopback: the test stands for the nearest proxy. */
async function statusesOf(
  trustedProxies: readonly string[],
  forwarded: readonly string[],
): Promise<number[]> {
  await using streams = new RunningStreams({ limits: { maxStreamsPerIp: 2 }, trustedProxies });
  await using clients = new AsyncDisposableStack();
  const statuses: number[] = [];
  for (const addresses of forwarded) {
    const headers = { 'X-Forwarded-For': addresses };
    const client = await streams.connect({ headers });
    if (client.status === 200) clients.use(client);
    statuses.push(client.status);
  }
  return statuses;
}

describe('the limit of an address counts', () => {
  test('the peer where no proxy is trusted: whatever it claims, it is one client', async () => {
    const claims = ['198.51.100.1', '198.51.100.2', '198.51.100.3'];
    expect(await statusesOf([], claims)).toEqual([200, 200, 429]);
    expect(await statusesOf(['10.0.0.0/8'], claims)).toEqual([200, 200, 429]);
  });

  test('each client behind a trusted proxy by itself', async () => {
    const addresses = ['198.51.100.1', '198.51.100.1', '198.51.100.2', '198.51.100.1'];
    expect(await statusesOf(['loopback'], addresses)).toEqual([200, 200, 200, 429]);
  });

  test('a client once, whatever it sends before its proxy adds the address', async () => {
    const forged = ['203.0.113.1, 198.51.100.1', '203.0.113.2, 198.51.100.1', 'x, 198.51.100.1'];
    expect(await statusesOf(['loopback'], forged)).toEqual([200, 200, 429]);
  });

  test('a client behind several proxies, with and without their ports', async () => {
    const chains = [
      '198.51.100.1, 10.0.0.1',
      '198.51.100.1:4711, 10.0.0.2:443',
      '198.51.100.2, 10.0.0.1, 10.0.0.2',
      '198.51.100.1, 10.0.0.3',
    ];
    expect(await statusesOf(['loopback', '10.0.0.0/8'], chains)).toEqual([200, 200, 200, 429]);
  });

  test('a proxy that is not trusted as one client, whomever it forwards', async () => {
    const chains = ['198.51.100.1, 10.0.0.1', '198.51.100.2, 10.0.0.1', '198.51.100.3, 10.0.0.1'];
    expect(await statusesOf(['loopback'], chains)).toEqual([200, 200, 429]);
  });

  test('all addresses of an IPv6 network that one client has as one', async () => {
    const own = ['2001:db8::1', '2001:db8::ffff:2', '2001:db8:0:1::1', '2001:db8::3'];
    expect(await statusesOf(['loopback'], own)).toEqual([200, 200, 200, 429]);
  });
});
