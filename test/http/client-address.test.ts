import { BlockList, isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clientAddressOf, networkOf, trustedPeer } from '../../src/http/client-address.ts';

function addressOf(trusted: string[], peer: string | undefined, forwarded?: string): string {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
  const socket = { remoteAddress: peer } as never;
  return clientAddressOf(trusted)({ headers, socket });
}

describe('the address of a client', () => {
  test('is that of the socket where no proxy is trusted, whatever it claims', () => {
    expect(addressOf([], '192.0.2.1', '198.51.100.7')).toBe('192.0.2.1');
  });

  test('is not believed from a peer that is no trusted proxy', () => {
    expect(addressOf(['10.0.0.0/8'], '192.0.2.1', '198.51.100.7')).toBe('192.0.2.1');
  });

  test.each([
    ['10.0.0.0/8', '10.1.2.3'],
    ['10.0.0.0/8', '::ffff:10.1.2.3'],
    ['loopback', '127.0.0.1'],
    ['loopback', '::1'],
    ['2001:db8::/32', '2001:db8::5'],
  ])('is what a proxy of %s at %s forwards', (trusted, peer) => {
    expect(addressOf([trusted], peer, '198.51.100.7')).toBe('198.51.100.7');
  });

  test('is the last one that no trusted proxy wrote: what stands before it may be forged', () => {
    const forwarded = '203.0.113.66, 198.51.100.7, 10.0.0.2';
    expect(addressOf(['10.0.0.0/8'], '10.0.0.1', forwarded)).toBe('198.51.100.7');
  });

  test.each([
    ['10.0.0.0/8', '198.51.100.7, 10.0.0.2:443', 'a port'],
    ['10.0.0.0/8', '198.51.100.7:1, 10.0.0.3, ::ffff:10.0.0.2', 'an IPv6 spelling'],
    ['2001:db8::/32', '198.51.100.7, [2001:db8::2]:443', 'brackets'],
  ])('is found behind several proxies of %s: %s, one with %s', (trusted, forwarded) => {
    expect(addressOf([trusted, '10.0.0.1'], '10.0.0.1', forwarded)).toBe('198.51.100.7');
  });

  test('cannot be forged by whatever a client sends before its proxy adds the address', () => {
    fc.assert(
      fc.property(fc.string(), (claim) => {
        const forwarded = `${claim}, 198.51.100.7, 10.0.0.2`;
        expect(addressOf(['10.0.0.0/8'], '10.0.0.1', forwarded)).toBe('198.51.100.7');
      }),
    );
  });

  test.each(['unknown', '', 'x'.repeat(5000), '999.1.1.1'])(
    'is the peer where the proxy forwards no address: "%s"',
    (forwarded) => {
      expect(addressOf(['10.0.0.0/8'], '10.0.0.1', forwarded)).toBe('10.0.0.1');
    },
  );

  test.each([
    ['198.51.100.7:4711', '198.51.100.7'],
    ['[2001:db8::5]:4711', '2001:db8::5'],
    ['[2001:db8::5]', '2001:db8::5'],
    ['2001:db8::5', '2001:db8::5'],
    ['::ffff:198.51.100.7', '198.51.100.7'],
  ])('is read from "%s"', (forwarded, address) => {
    expect(addressOf(['10.0.0.0/8'], '10.0.0.1', forwarded)).toBe(address);
  });

  test('is the same for an IPv4 client of an IPv6 socket', () => {
    expect(addressOf([], '::ffff:192.0.2.1')).toBe('192.0.2.1');
  });

  test('is unknown when the client is gone', () => {
    expect(addressOf([], undefined)).toBe('unknown');
    expect(addressOf(['loopback'], undefined, '198.51.100.7')).toBe('unknown');
  });

  test('is always an address, whatever is forwarded', () => {
    fc.assert(
      fc.property(fc.string(), (forwarded) => {
        expect(isIP(addressOf(['loopback'], '127.0.0.1', forwarded))).not.toBe(0);
      }),
    );
  });
});

describe('what counts as one address', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['unknown', 'unknown'],
    // As a socket that listens on IPv6 names a client of IPv4: not one network of all of them.
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:1::1', '2001:db8:1:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
  ])('of %s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });

  test('is for IPv6 the network of 64 bits that the address is in', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const [prefix = ''] = networkOf(address).split('/');
        const network = new BlockList();
        network.addSubnet(prefix, 64, 'ipv6');
        expect(network.check(address, 'ipv6')).toBe(true);
      }),
    );
  });
});

test('a trusted peer is one of the trusted proxies itself, however it is spelled', () => {
  const isTrusted = trustedPeer(['10.0.0.0/8', 'loopback']);
  const peers = ['10.1.2.3', '::ffff:10.1.2.3', '::1', '11.0.0.1', '2001:db8::1', 'unknown'];
  expect(peers.map(isTrusted)).toEqual([true, true, true, false, false, false]);
});
