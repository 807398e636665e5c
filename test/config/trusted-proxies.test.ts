import { describe, expect, test } from 'vitest';
import { findTrustedProxyFault } from '../../config/trusted-proxies.ts';

describe('a list of trusted proxies', () => {
  test('may hold addresses, networks and named ranges', () => {
    const entries = ['10.0.0.0/8', '192.0.2.1', '10.0.0.0/255.0.0.0', '2001:db8::/32', 'loopback'];
    expect(findTrustedProxyFault(entries)).toBeUndefined();
    expect(findTrustedProxyFault([])).toBeUndefined();
  });

  test.each(['proxy.example.com', '10.0.0.0/33', '10.0.0.0/x', '10.0.0.0/', '1', '*', '0.0.0.0/0'])(
    'cannot hold "%s", and the fault names it',
    (entry) => {
      expect(findTrustedProxyFault(['10.0.0.0/8', entry])).toContain(`network: ${entry};`);
    },
  );
});
