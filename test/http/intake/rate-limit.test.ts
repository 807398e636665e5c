import { expect, test } from 'vitest';
import { networkOf } from '../../../src/http/intake/rate-limit.ts';
import { runDashboard } from '../running-dashboard.ts';
import { postWebhook } from './posting.ts';

test.for([
  ['192.0.2.1', '192.0.2.1'],
  ['unknown', 'unknown'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:DB8:1:2::6', '2001:db8:1:2::/64'],
  ['2001:0db8:0001:0002:ffff:ffff:ffff:ffff', '2001:db8:1:2::/64'],
  ['2001:db8:1:3::6', '2001:db8:1:3::/64'],
  ['2001:db8::6', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['1::', '1:0:0:0::/64'],
  ['::2:3:4:5:6:7:8', '0:2:3:4::/64'],
  ['64:ff9b::192.0.2.33', '64:ff9b:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
])('%s counts as %s', ([address = '', network]) => {
  expect(networkOf(address)).toBe(network);
});

test('the addresses of a network are counted together', async () => {
  const http = { corsOrigins: [], trustedProxies: ['127.0.0.1'] };
  await using dashboard = await runDashboard({ http });
  for (const tail of ['1', 'aaaa:bbbb']) {
    await postWebhook(dashboard, 'github', { 'X-Forwarded-For': `2001:db8:1:2::${tail}` });
  }
  const counted = dashboard.stages.counted.filter((each) => each.startsWith('address'));
  expect(counted).toEqual(Array(2).fill('address 2001:db8:1:2::/64'));
});
