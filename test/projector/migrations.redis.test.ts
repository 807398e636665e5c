import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { beforeEach, describe, expect, test } from 'vitest';
import { Lease } from '../../src/projector/lease.ts';
import { MIGRATIONS, type Migration, migrate } from '../../src/projector/migrations.ts';
import { KEYS, LAYOUT_VERSION } from '../../src/redis/keys.ts';
import { FatalError } from '../../src/runtime/retry.ts';
import { useRedis } from '../fixtures/redis.ts';

const server = useRedis();
let redis: Redis;
let lease: Lease;

/** A made-up history of layouts: every row gets a field, which then gets another name. */
const addColour: Migration = {
  from: 1,
  description: 'rows have a colour',
  run: async (context) => {
    for (const key of await context.redis.keys('task-tracking:execution:*')) {
      await context.goOn();
      await context.redis.hset(key, 'colour', 'blue');
    }
  },
};
const renameColour: Migration = {
  from: 2,
  description: 'the colour of rows is called hue',
  run: async (context) => {
    for (const key of await context.redis.keys('task-tracking:execution:*')) {
      const colour = await context.redis.hget(key, 'colour');
      if (colour !== null) await context.redis.hset(key, 'hue', colour);
      await context.redis.hdel(key, 'colour');
    }
  },
};

beforeEach(async () => {
  redis = server.connect();
  lease = new Lease(redis, KEYS.lease, 'this projector');
  await lease.hold();
  await redis.hset(KEYS.execution('run-1'), 'status', 'queued');
  await redis.hset(KEYS.execution('run-2'), 'status', 'success');
});

interface Run {
  readonly migrations: readonly Migration[];
  readonly target: number;
  readonly signal?: AbortSignal;
}

const run = ({ migrations, target, signal = new AbortController().signal }: Run) =>
  migrate(
    {
      redis,
      keys: KEYS,
      holder: lease.holder,
      hold: () => lease.hold(),
      program: '3.0.0',
      logger: pino({ level: 'silent' }),
      migrations,
      target,
    },
    signal,
  );

const storeLayout = (layout: string) => redis.hset(KEYS.projector, 'layout', layout);
const layout = () => redis.hmget(KEYS.projector, 'layout', 'program');
const rows = () => Promise.all(['run-1', 'run-2'].map((id) => redis.hgetall(KEYS.execution(id))));

describe('a read model of an older layout', () => {
  test('is migrated step by step, whatever order the table has', async () => {
    await storeLayout('1');
    await run({ migrations: [renameColour, addColour], target: 3 });
    expect(await layout()).toEqual(['3', '3.0.0']);
    expect(await rows()).toEqual([
      { status: 'queued', hue: 'blue' },
      { status: 'success', hue: 'blue' },
    ]);
  });

  test('is marked as being migrated, so that nobody takes it for either meanwhile', async () => {
    await storeLayout('1');
    let seen: unknown;
    const look: Migration = {
      ...addColour,
      run: async () => {
        seen = await layout();
      },
    };
    await run({ migrations: [look], target: 2 });
    expect(seen).toEqual(['1>2', '3.0.0']);
    expect(await layout()).toEqual(['2', '3.0.0']);
  });

  test('is migrated anew from the beginning of the step in which a program was killed', async () => {
    await storeLayout('1');
    const dying: Migration = {
      ...addColour,
      run: async (context) => {
        await context.redis.hset(KEYS.execution('run-1'), 'colour', 'blue');
        throw new Error('killed');
      },
    };
    await expect(run({ migrations: [dying], target: 2 })).rejects.toThrow('killed');
    expect((await layout())[0]).toBe('1>2');
    await run({ migrations: [addColour], target: 2 });
    expect((await layout())[0]).toBe('2');
    for (const row of await rows()) expect(row.colour).toBe('blue');
  });

  test('is left to the projector that has taken the lease meanwhile', async () => {
    await storeLayout('1');
    const robbed: Migration = {
      ...addColour,
      run: async (context) => {
        await redis.set(KEYS.lease, 'another');
        await context.redis.hset(KEYS.execution('run-1'), 'colour', 'blue');
      },
    };
    await expect(run({ migrations: [robbed], target: 2 })).rejects.toThrow('interrupted');
    expect((await layout())[0]).toBe('1>2');
  });

  test('is not touched without the lease', async () => {
    await storeLayout('1');
    await redis.set(KEYS.lease, 'another');
    await expect(run({ migrations: [addColour], target: 2 })).rejects.toThrow('interrupted');
    expect((await layout())[0]).toBe('1');
    for (const row of await rows()) expect(row.colour).toBeUndefined();
  });

  test('stays where it is when the program is told to stop', async () => {
    await storeLayout('1');
    const stop = new AbortController();
    const stopping: Migration = {
      ...addColour,
      run: async (context) => {
        stop.abort();
        await context.goOn();
      },
    };
    const { signal } = stop;
    await expect(run({ migrations: [stopping], target: 2, signal })).rejects.toThrow('interrupted');
    expect((await layout())[0]).toBe('1>2');
  });

  test('from which no step leads on ends the program, which says what to run', async () => {
    await storeLayout('1');
    const error = await run({ migrations: [renameColour], target: 3 }).catch((cause) => cause);
    expect(error).toBeInstanceOf(FatalError);
    expect(error.message).toMatch(/layout 1.*no way to layout 3.*redis-cli --scan/s);
    expect((await layout())[0]).toBe('1');
  });
});

test.for(['', LAYOUT_VERSION])('a read model of layout %j is left as it is', async (stored) => {
  if (stored !== '') await storeLayout(stored);
  const before = await redis.hgetall(KEYS.projector);
  await run({ migrations: MIGRATIONS, target: Number(LAYOUT_VERSION) });
  expect(await redis.hgetall(KEYS.projector)).toEqual(before);
});

test('a read model of a later layout ends the program', async () => {
  await redis.hset(KEYS.projector, { layout: '4', program: '9.9.9' });
  const error = await run({ migrations: [addColour], target: 3 }).catch((cause) => cause);
  expect(error).toBeInstanceOf(FatalError);
  expect(error.message).toContain('run version 9.9.9 or later');
});

test('the table leads from the first layout to the one that this program writes', () => {
  const steps = MIGRATIONS.map(({ from }) => from).toSorted((a, b) => a - b);
  expect(steps).toEqual(Array.from({ length: Number(LAYOUT_VERSION) - 1 }, (_, n) => n + 1));
});
