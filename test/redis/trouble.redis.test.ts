import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { type ConnectionOptions, connectForCommands } from '../../src/redis/connections.ts';
import { isRedisAway, logTrouble } from '../../src/redis/trouble.ts';
import { DeadlineError } from '../../src/runtime/deadline.ts';
import { whileBusy } from '../fixtures/ailing-redis.ts';
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

  test('where it knows no such password, which may be one that is being rotated', async () => {
    const rejected = connectForCommands(connection(server.url.replace('//', '//ana:old@')));
    try {
      expect(isRedisAway(await failureOf(rejected.connect()))).toBe(true);
      expect(isRedisAway(await failureOf(rejected.get('key')))).toBe(true);
    } finally {
      rejected.disconnect();
    }
    await connected(async (redis) => {
      expect(isRedisAway(await failureOf(redis.call('AUTH', 'ana', 'old')))).toBe(true);
    });
  });

  test('where it has no such database, which is said instead of using another one', async () => {
    const redis = connectForCommands(connection(`${server.url}/99`));
    try {
      const failure = await failureOf(redis.connect());
      expect(String(failure)).toMatch(/^RedisConnectionError: ERR DB index is out of range/);
      expect(isRedisAway(failure)).toBe(true);
    } finally {
      redis.disconnect();
    }
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

test('a Redis that is busy with a script is away, for a connection that stays open', async () => {
  await connected(async (redis) => {
    await whileBusy(server, async () => {
      expect(isRedisAway(await failureOf(redis.get('key')))).toBe(true);
    });
    expect(await redis.get('key')).toBeNull();
  });
});

describe('Redis is not away', () => {
  test('where it answers with what waiting does not mend', async () => {
    await connected(async (redis) => {
      await redis.set('text', 'x');
      expect(isRedisAway(await failureOf(redis.xlen('text')))).toBe(false);
      expect(isRedisAway(await failureOf(redis.call('NONSENSE')))).toBe(false);
    });
    expect(isRedisAway(new TypeError('x is not a function'))).toBe(false);
    expect(isRedisAway('connect ECONNREFUSED')).toBe(false);
  });
});

test('an outage is one line, and a defect all that is known of it', () => {
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

test('an outage that goes on is not said again, and another one is', () => {
  const reasons: unknown[] = [];
  const logger = pino({}, { write: (line) => reasons.push(JSON.parse(line).reason) });
  for (const reason of ['Connection is closed.', 'LOADING', 'Connection is closed.', 'LOADING']) {
    logTrouble(logger, new Error(reason), {}, 'the loop is interrupted');
  }
  expect(reasons).toEqual(['Connection is closed.', 'LOADING']);
});

test('a Redis that is full is there, and refuses in one line what it will take again', async () => {
  const lines: Record<string, unknown>[] = [];
  const logger = pino({}, { write: (line) => lines.push(JSON.parse(line)) });
  const admin = server.connect();
  await admin.config('SET', 'maxmemory', '1');
  try {
    await connected(async (redis) => {
      for (let attempt = 0; attempt < 2; attempt += 1) {
        const failure = await failureOf(redis.set('key', 'x'));
        expect(isRedisAway(failure)).toBe(false);
        logTrouble(logger, failure, {}, 'the loop is interrupted');
      }
    });
  } finally {
    await admin.config('SET', 'maxmemory', '0');
  }
  const msg = 'the loop is interrupted: Redis refuses it, trying again';
  expect(lines).toEqual([
    expect.objectContaining({ level: 50, reason: expect.stringMatching(/^OOM /), msg }),
  ]);
  expect(lines[0]).not.toHaveProperty('err');
});

test('what a user may not do is one line, too, and says so', () => {
  const lines: Record<string, unknown>[] = [];
  const logger = pino({}, { write: (line) => lines.push(JSON.parse(line)) });
  const reason = "NOPERM this user has no permissions to run the 'xadd' command";
  logTrouble(logger, new Error(reason), {}, 'the loop is interrupted');
  logTrouble(logger, new Error(reason), {}, 'the loop is interrupted');
  const msg = 'the loop is interrupted: Redis refuses it, trying again';
  expect(lines).toEqual([expect.objectContaining({ level: 50, reason, msg })]);
});
