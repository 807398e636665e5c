import { inspect } from 'node:util';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { connectForCommands } from '../../src/redis/connections.ts';
import { isRefused } from '../../src/redis/refused.ts';
import { useRedis } from '../fixtures/redis.ts';

const server = useRedis();
let redis: Redis;

const REMEDY = 'give the user low the rights that deploy/redis/users.acl lists for what it does';

beforeEach(async () => {
  await server.connect().acl('SETUSER', 'low', 'reset', 'on', '>pw', '~mine', '+info', '+eval');
  const url = server.url.replace(/\/\/(.*@)?/, '//low:pw@');
  redis = connectForCommands({ url, name: 'low', onError: () => undefined });
  onTestFinished(() => redis.disconnect());
  await redis.connect();
});

/** What a promise rejects with. */
async function errorOf(work: Promise<unknown>): Promise<Error> {
  return await work.then(
    () => expect.unreachable('it did not fail'),
    (error: Error) => error,
  );
}

describe('what a user may not do', () => {
  test('is said with the command, with who it is, and with where the rights are', async () => {
    const error = await errorOf(redis.set('mine', 'x'));
    expect(error.message).toMatch(/^NOPERM .*'set' command \(SET\): give the user low/);
    expect(error.message).toContain(REMEDY);
    expect(isRefused(error)).toBe(true);
  });

  test('is said the same within a script, and of its keys', async () => {
    const inside = await errorOf(redis.eval(`return redis.call('GET', 'mine')`, 0));
    const keys = await errorOf(redis.eval('return 1', 1, 'yours'));
    for (const { message } of [inside, keys]) {
      expect(message).toMatch(/^NOPERM .* \(EVAL\): /);
      expect(message).toContain(REMEDY);
    }
  });

  test('is said of each command of a pipeline', async () => {
    const replies = await redis.pipeline().set('mine', 'x').get('mine').exec();
    expect(replies?.map(([error]) => error?.message)).toEqual([
      expect.stringContaining(REMEDY),
      expect.stringContaining(REMEDY),
    ]);
  });
});

test('no error of Redis carries what was sent: it would end up in a log', async () => {
  const errors = [
    await errorOf(redis.set('mine', 'what nobody may read')),
    await errorOf(redis.eval('return redis.nonsense()', 1, 'mine', 'what nobody may read')),
  ];
  for (const error of errors) {
    expect(error).not.toHaveProperty('command');
    expect(inspect(error, { depth: 10 })).not.toContain('what nobody');
  }
});
