import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { Appender } from '../../src/intake/appender.ts';
import { BlockingReader } from '../../src/redis/blocking-reader.ts';
import { connectForBlocking, connectForCommands } from '../../src/redis/connections.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { openRedisAddress } from '../../src/redis/redis-address.ts';
import { canaryBytes } from '../fixtures/canary.ts';
import { eventually } from '../fixtures/facts.ts';
import { useRedis } from '../fixtures/redis.ts';
import { temporaryDirectory } from '../fixtures/tls-redis.ts';

const server = useRedis();
let admin: Redis;
let file: string;

const [OLD, NEW] = [canaryBytes(20).toString('hex'), canaryBytes(20).toString('hex')];

beforeEach(async () => {
  admin = server.connect();
  await admin.acl('SETUSER', 'ana', 'reset', 'on', `>${OLD}`, '~*', '&*', '+@all');
  file = join(await temporaryDirectory(), 'password');
  await writeFile(file, OLD);
});

/** A connection of ana's as the program has it, and what it told. */
async function open({ isConnected = true } = {}) {
  const errors: Error[] = [];
  let signedInAgain = 0;
  const url = server.url.replace(/\/\/.*@|\/\//, '//ana@');
  const address = await openRedisAddress({ url, passwordFile: file });
  const options = {
    ...address,
    name: 'rotation',
    onError: (error: Error) => void errors.push(error),
    onSignedInAgain: () => {
      signedInAgain += 1;
    },
  };
  const redis = connectForCommands(options);
  onTestFinished(() => redis.disconnect());
  const connected = redis.connect();
  if (isConnected) await connected;
  else await connected.catch(() => undefined);
  return { redis, errors, options, signedInAgain: () => signedInAgain };
}

/** What a user notices of one connection while its password is rotated. */
async function killAll(): Promise<void> {
  await admin.client('KILL', 'USER', 'ana');
}

describe('a password that is rotated', () => {
  test('while both are valid drops nothing, and the new one is proven before it is needed', async () => {
    const { redis, errors, signedInAgain } = await open();
    const id = await redis.client('ID');
    await admin.acl('SETUSER', 'ana', `>${NEW}`);
    await writeFile(file, NEW);
    await eventually(() => expect(signedInAgain()).toBe(1));
    await admin.acl('SETUSER', 'ana', `<${OLD}`);
    expect(await redis.client('ID')).toBe(id);
    expect(errors).toEqual([]);

    await killAll();
    await eventually(async () => expect(await redis.ping()).toBe('PONG'));
    expect(await redis.client('ID')).not.toBe(id);
    expect(signedInAgain()).toBe(1);
  });

  test('is read again by every new connection, at once', async () => {
    const { redis, options } = await open();
    await admin.acl('SETUSER', 'ana', `>${NEW}`, `<${OLD}`);
    await writeFile(file, NEW);
    await killAll();
    const reader = await BlockingReader.open(options, new AbortController().signal);
    reader[Symbol.dispose]();
    await eventually(async () => expect(await redis.ping()).toBe('PONG'));
  });

  test('to a wrong one is told while the connection works on, and again that it is right', async () => {
    const { redis, errors, signedInAgain } = await open();
    await writeFile(file, NEW);
    await eventually(() => expect(errors.length).toBeGreaterThan(0));
    expect(errors[0]?.message).toMatch(
      /^WRONGPASS .*user ana .*TASK_TRACKING_REDIS_PASSWORD_FILE; what is open goes on with the/,
    );
    expect(await redis.acl('WHOAMI')).toBe('ana');
    await admin.acl('SETUSER', 'ana', `>${NEW}`);
    await eventually(() => expect(signedInAgain()).toBe(1));
  });

  test('too late in Redis is waited for', async () => {
    await writeFile(file, NEW);
    const { redis, errors } = await open({ isConnected: false });
    await eventually(() => expect(errors.length).toBeGreaterThan(2));
    await admin.acl('SETUSER', 'ana', `>${NEW}`);
    await eventually(async () => expect(await redis.ping()).toBe('PONG'));
    // Told to whoever would log them, so without anything that signs in.
    expect(inspect(errors, { depth: 10 })).not.toContain(NEW);
  });

  test('keeps no event from being appended that came meanwhile', async () => {
    const { redis } = await open();
    const appender = new Appender({ redis, keys: KEYS });
    await admin.acl('SETUSER', 'ana', `<${OLD}`);
    await killAll();
    const record = { key: KEYS.intake.record('one'), keepSeconds: 60 };
    const pairs = ['executionId', 'run-1'];
    const appending = appender.append([{ stream: 'events', pairs, records: [record] }]);
    await eventually(() => expect(redis.status).toBe('reconnecting'));
    await admin.acl('SETUSER', 'ana', `>${OLD}`);
    expect(await appending).toHaveLength(1);
    expect(await admin.xlen(KEYS.events)).toBe(1);
  });
});

test('a connection that is left while its password is read is not opened', async () => {
  const address = await openRedisAddress({ url: server.url, passwordFile: file });
  for (const connect of [connectForCommands, connectForBlocking]) {
    const redis = connect({ ...address, name: 'left', onError: () => undefined });
    const connecting = redis.connect();
    redis.disconnect();
    await expect(connecting).rejects.toThrow('it was left');
  }
  await admin.ping();
  expect(await server.foreignConnections()).toEqual([]);
});

test('a Redis that asks for a password says which settings to set', async () => {
  await admin.acl('SETUSER', 'default', 'off');
  try {
    const errors: string[] = [];
    const onError = ({ message }: Error) => void errors.push(message);
    const redis = connectForCommands({ url: server.url, name: 'nobody', onError });
    onTestFinished(() => redis.disconnect());
    await expect(redis.connect()).rejects.toThrow(
      /^NOAUTH .*: Redis asks for a password: put a user in TASK_TRACKING_REDIS_URL/,
    );
  } finally {
    await admin.acl('SETUSER', 'default', 'on');
  }
});
