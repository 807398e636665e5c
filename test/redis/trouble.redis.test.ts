import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { type ConnectionOptions, connectForCommands } from '../../src/redis/connections.ts';
import { isRedisAway, logTrouble } from '../../src/redis/trouble.ts';
import { DeadlineError } from '../../src/runtime/deadline.ts';
import { eventually } from '../fixtures/facts.ts';
import { useRedis } from '../fixtures/redis.ts';

const server = useRedis();

function connection(url = server.url): ConnectionOptions {
  return { url, name: 'trouble', onError: () => undefined };
}

/** A connection as the program has it, until the work is done. */
async function connected<T>(work: (redis: ReturnType<typeof connectForCommands>) => Promise<T>) {
  const redis = connectForCommands(connection());
  try {
    await redis.connect();
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

/** What a promise rejects with. */
async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => expect.unreachable('it did not fail'),
    (error: unknown) => error,
  );
}

describe('Redis is away', () => {
  test('for whoever cannot connect, and for commands meanwhile', async () => {
    const redis = connectForCommands(connection('redis://127.0.0.1:1'));
    try {
      expect(isRedisAway(await failureOf(redis.connect()))).toBe(true);
      expect(isRedisAway(await failureOf(redis.get('key')))).toBe(true);
    } finally {
      redis.disconnect();
    }
  });

  test('for a command whose connection breaks, and for the next one', async () => {
    await connected(async (redis) => {
      const blocked = failureOf(redis.blpop('nothing', 0));
      const [id] = (await server.foreignConnections()).map((one) => one.id);
      await server.connect().client('KILL', 'ID', id ?? 0);
      expect(isRedisAway(await blocked)).toBe(true);
      await server.server.kill();
      await eventually(() => expect(redis.status).not.toBe('ready'));
      expect(isRedisAway(await failureOf(redis.get('key')))).toBe(true);
    });
  });

  test('where it is silent', async () => {
    await connected(async (redis) => {
      await server.server.pause();
      expect(isRedisAway(await failureOf(redis.get('key')))).toBe(true);
    });
    expect(isRedisAway(new DeadlineError('reading', 3000))).toBe(true);
  });

  test('where it became a replica, which writes nothing and ends what blocks', async () => {
    await connected(async (redis) => {
      const blocked = failureOf(redis.blpop('nothing', 0));
      const admin = server.connect();
      await eventually(async () => {
        const clients = String(await admin.client('LIST'));
        expect(clients).toMatch(/flags=b\S* .*cmd=blpop/);
      });
      await admin.replicaof('127.0.0.1', 1);
      try {
        expect(isRedisAway(await blocked)).toBe(true);
        await eventually(async () =>
          expect(await admin.set('key', '').catch(String)).toMatch('RE'),
        );
        expect(isRedisAway(await failureOf(admin.set('key', '')))).toBe(true);
      } finally {
        await admin.replicaof('NO', 'ONE');
      }
    });
  });
});

describe('Redis is not away', () => {
  test('where it answers with what waiting does not mend', async () => {
    await connected(async (redis) => {
      await redis.set('text', 'x');
      expect(isRedisAway(await failureOf(redis.xlen('text')))).toBe(false);
      expect(isRedisAway(await failureOf(redis.call('NONSENSE')))).toBe(false);
      const refused = await failureOf(redis.call('AUTH', 'nobody', 'wrong'));
      expect(isRedisAway(refused)).toBe(false);
    });
    expect(isRedisAway(new TypeError('x is not a function'))).toBe(false);
    expect(isRedisAway('connect ECONNREFUSED')).toBe(false);
  });
});

test('an outage is one line each time, and a defect all that is known of it', () => {
  const lines: Record<string, unknown>[] = [];
  const logger = pino({ level: 'warn' }, { write: (line) => lines.push(JSON.parse(line)) });
  logTrouble(logger, new Error('Connection is closed.'), { attempt: 3 }, 'the loop is interrupted');
  logTrouble(logger, new TypeError('a defect'), { attempt: 4 }, 'the loop is interrupted');
  expect(lines).toMatchObject([
    {
      level: 40,
      reason: 'Connection is closed.',
      attempt: 3,
      msg: 'the loop is interrupted: Redis is away, trying again',
    },
    {
      level: 50,
      err: { type: 'TypeError', message: 'a defect', stack: expect.stringContaining('a defect') },
      attempt: 4,
      msg: 'the loop is interrupted, trying again',
    },
  ]);
  expect(lines[0]).not.toHaveProperty('err');
});
