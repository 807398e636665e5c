import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clientAddressOf } from '../../src/http/client-address.ts';

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
