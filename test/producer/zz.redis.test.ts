import { TaskProducer } from '@tasktrail/producer';
import { test } from 'vitest';
import { useRedis } from '../fixtures/redis.ts';
const redis = useRedis({ appendOnly: 'always' });
test.for(Array.from({length: 40}, (_, i) => i))('%i', async (i) => {
  const producer = new TaskProducer({ redis: redis.url, onError: () => {}, onRetry: (d) => log.push([performance.now(), d.message]) });
  const log: unknown[] = [];
  if (i % 2) await producer.append({ executionId: 'a' });
  const t0 = performance.now();
  await redis.server.kill();
  const t1 = performance.now();
  void producer.append({ executionId: 'a' });
  void producer.append({ executionId: 'b' });
  await producer.close(i % 4 < 2 ? 0 : 300).catch(() => {});
  const t2 = performance.now();
  if (t2 - t0 > 500) console.log(i, 'kill', t1 - t0, 'close', t2 - t1, log, t0);
});
