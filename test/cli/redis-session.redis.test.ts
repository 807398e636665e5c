import { describe, expect, test } from 'vitest';
import { type OperatorIo, RedisAwayError, withRedis } from '../../src/cli/redis-session.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { MAY_LOAD, whileBusy, whileLoading } from '../fixtures/ailing-redis.ts';
import { useRedis } from '../fixtures/redis.ts';

const server = useRedis(MAY_LOAD);

const io = (url = server.urlOf('operator')): OperatorIo => ({
  redis: { url },
  keys: KEYS,
  write: () => undefined,
  writeError: () => undefined,
});

const read = (url?: string) =>
  withRedis(io(url), 'test', (redis) => redis.hget(KEYS.projector, 'epoch'));

/** What a command that works on Redis ends with. */
async function failureOf(work: Promise<unknown>): Promise<Error> {
  return await work.then(
    () => expect.unreachable('it did not fail'),
    (error: Error) => error,
  );
}

describe('a command says that it may be run again, and why not now', () => {
  test('where Redis does not answer, without the password', async () => {
    await server.server.kill();
    const { name, message } = await failureOf(read());
    expect(name).toBe('RedisAwayError');
    expect(message).toMatch(
      /^redis:\/\/127\.0\.0\.1:\d+ does not answer \(connect ECONNREFUSED .*\)\. Start Redis, or /,
    );
    expect(message).toContain('nothing was left half done');
  });

  test.for([
    ['busy with a script', whileBusy, 'BUSY'],
    ['loading what it holds', whileLoading, 'LOADING'],
  ] as const)('where Redis is %s since', async ([, ailing, code]) => {
    const failing = withRedis(io(), 'test', async (redis) => {
      await ailing(server, async () => void (await redis.hget(KEYS.projector, 'epoch')));
    });
    const failure = await failureOf(failing);
    expect(failure).toBeInstanceOf(RedisAwayError);
    expect(failure.message).toMatch(
      new RegExp(
        `^redis://127\\.0\\.0\\.1:\\d+ cannot do this now \\(${code} .*[^.]\\)\\. Wait until`,
      ),
    );
    expect(await read()).toBeNull();
  });

  test('where Redis is full', async () => {
    const admin = server.connect();
    await admin.config('SET', 'maxmemory', '1');
    try {
      const failure = await failureOf(
        withRedis(io(), 'test', (redis) => redis.hset(KEYS.projector, 'epoch', 'e1')),
      );
      expect(failure).toBeInstanceOf(RedisAwayError);
      expect(failure.message).toContain('cannot do this now (OOM command not allowed');
    } finally {
      await admin.config('SET', 'maxmemory', '0');
    }
  });
});

test('what no waiting mends ends a command as it is', async () => {
  await server.connect().set(KEYS.projector, 'no hash');
  expect(await failureOf(read())).toMatchObject({ name: 'ReplyError' });
  const defect = new TypeError('a defect');
  const failing = withRedis(io(), 'test', () => Promise.reject(defect));
  expect(await failureOf(failing)).toBe(defect);
});
