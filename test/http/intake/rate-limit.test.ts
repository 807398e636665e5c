import { expect, test } from 'vitest';
import { runDashboard } from '../running-dashboard.ts';
import { postWebhook } from './posting.ts';

test('the addresses of a network are counted together', async () => {
  const http = { corsOrigins: [], trustedProxies: ['127.0.0.1'] };
  await using dashboard = await runDashboard({ http });
  for (const tail of ['1', 'aaaa:bbbb']) {
    await postWebhook(dashboard, 'github', { 'X-Forwarded-For': `2001:db8:1:2::${tail}` });
  }
  const counted = dashboard.stages.counted.filter((each) => each.startsWith('address'));
  expect(counted).toEqual(Array(2).fill('address 2001:db8:1:2::/64'));
});
