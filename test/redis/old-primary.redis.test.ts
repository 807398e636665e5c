import { expect, onTestFinished, test } from 'vitest';
import { connectForBlocking, connectForCommands } from '../../src/redis/connections.ts';
import { eventually } from '../fixtures/facts.ts';
import { useRedis } from '../fixtures/redis.ts';

const server = useRedis();

test('a demoted primary that refuses many commands at once is left once, and found again', async () => {
  const warnings: Error[] = [];
  const note = (warning: Error) => warnings.push(warning);
  process.on('warning', note);
  onTestFinished(() => void process.off('warning', note));
  const redis = connectForCommands({ url: server.url, name: 'test', onError: () => {} });
  onTestFinished(() => redis.disconnect());
  await redis.connect();
  const operator = connectForCommands({ url: server.url, name: 'operator', onError: () => {} });
  onTestFinished(() => operator.disconnect());
  await operator.connect();
  await operator.call('REPLICAOF', '127.0.0.1', '1');

  for (const times of [1, 2]) {
    const connection = await redis.client('ID');
    const answers = await Promise.allSettled(
      Array.from({ length: 20 }, () => redis.set('a', String(times))),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set(['rejected']));
    await eventually(async () => expect(await redis.client('ID')).not.toBe(connection));
  }
  await operator.call('REPLICAOF', 'NO', 'ONE');
  expect(await redis.set('a', 'b')).toBe('OK');
  expect(warnings).toEqual([]);
});

test('one that is frozen, which sentinels still name, holds up a blocking loop for 4 s at most', async () => {
  const redis = connectForBlocking({ url: server.url, name: 'test', onError: () => {} });
  onTestFinished(() => redis.disconnect());
  await server.server.pause();
  const startedAt = performance.now();
  await expect(redis.connect()).rejects.toThrow('Socket timeout');
  expect(performance.now() - startedAt).toBeLessThan(4500);
});
