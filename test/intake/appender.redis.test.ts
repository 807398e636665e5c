import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { Appender, type AppenderOptions } from '../../src/intake/appender.ts';
import { IntakeUnavailableError } from '../../src/intake/intake.ts';
import type { AppendedEntry, EntryOnce, RequestOutcome } from '../../src/redis/append-once.ts';
import { connectForCommands } from '../../src/redis/connections.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { eventually } from '../fixtures/facts.ts';
import { startLosingProxy } from '../fixtures/losing-proxy.ts';
import { useRedis } from '../fixtures/redis.ts';

const server = useRedis({ appendOnly: 'always' });
let admin: Redis;

beforeEach(() => {
  admin = server.connect();
});

function entry(name: string, text = ''): EntryOnce {
  const records = [{ key: KEYS.intake.record(name), keepSeconds: 60 }];
  return { stream: 'events', pairs: ['name', name, 'text', text], records };
}

function entries(count: number, text?: string): EntryOnce[] {
  return Array.from({ length: count }, (_, i) => entry(`entry-${i}`, text));
}

/** An appender on a connection as the program has it. */
async function appenderTo(url: string, options: Partial<AppenderOptions> = {}) {
  const redis = connectForCommands({ url, name: 'appender', onError: () => undefined });
  onTestFinished(() => redis.disconnect());
  await redis.connect();
  const appender = new Appender({ redis, keys: KEYS, ...options });
  // From now on the server holds the script, so that the next reply is that of an append.
  await appender.append([{ ...entry('first'), stream: 'quarantine' }]);
  return { redis, appender };
}

async function namesIn(stream: string): Promise<string[]> {
  return (await admin.xrange(stream, '-', '+')).map(([, pairs]) => pairs[1] as string);
}

function repeatsOf(entries: readonly AppendedEntry[]): boolean[] {
  return entries.map(({ isRepeat }) => isRepeat);
}

function entriesOf(outcome: RequestOutcome): readonly AppendedEntry[] {
  if (outcome.kind !== 'appended') throw new Error('nothing was appended');
  return outcome.entries;
}

async function failureOf(work: Promise<unknown>): Promise<Error> {
  return await work.then(
    () => expect.unreachable('it did not fail'),
    (error: Error) => error,
  );
}

describe('an entry', () => {
  test('without a record is refused, and the others with it', async () => {
    const { appender } = await appenderTo(server.url);
    const appending = appender.append([entry('a'), { ...entry('b'), records: [] }]);
    await expect(appending).rejects.toThrow('could be appended twice');
    expect(await namesIn(KEYS.events)).toEqual([]);
  });

  test('is appended once where the reply is lost, before it or within it', async () => {
    await using proxy = await startLosingProxy(server.url);
    const { appender } = await appenderTo(proxy.url);
    for (const afterBytes of [0, 10]) {
      const name = `lost-after-${afterBytes}`;
      const lost = proxy.loseNextReply(afterBytes);
      // Whoever sent it hears that it is there already: by the attempt before.
      expect(repeatsOf(await appender.append([entry(name)]))).toEqual([true]);
      await lost;
    }
    expect(await namesIn(KEYS.events)).toEqual(['lost-after-0', 'lost-after-10']);
  });

  test('is appended once by two servers whose replies are lost at the same time', async () => {
    await using one = await startLosingProxy(server.url);
    await using other = await startLosingProxy(server.url);
    const appenders = [await appenderTo(one.url), await appenderTo(other.url)];
    const lost = [one.loseNextReply(), other.loseNextReply()];
    await Promise.all(appenders.map(({ appender }) => appender.append(entries(3))));
    await Promise.all(lost);
    expect(await namesIn(KEYS.events)).toEqual(['entry-0', 'entry-1', 'entry-2']);
  });
});

describe('while Redis is away', () => {
  test('it is waited for, and everything is appended once', async () => {
    const { appender, redis } = await appenderTo(server.url, { giveUpMs: 20_000 });
    await server.server.kill();
    await eventually(() => expect(redis.status).not.toBe('ready'));
    const appending = appender.append(entries(3));
    await server.server.restart();
    expect(repeatsOf(await appending)).toEqual([false, false, false]);
    expect(await namesIn(KEYS.events)).toEqual(['entry-0', 'entry-1', 'entry-2']);
  });

  test('callers hear of it in time, with the cause, and the same again is safe', async () => {
    const { appender } = await appenderTo(server.url, { giveUpMs: 300 });
    await server.server.kill();
    const failure = await failureOf(appender.append([entry('a')]));
    expect(failure).toBeInstanceOf(IntakeUnavailableError);
    expect(failure.message).toMatch(/send the same again/);
    expect(failure.cause).toBeInstanceOf(Error);
    await server.server.restart();
    await eventually(async () => await appender.append([entry('a')]));
    expect(await namesIn(KEYS.events)).toEqual(['a']);
  });

  test('and silent, callers hear of it in time, too', async () => {
    await using proxy = await startLosingProxy(server.url);
    const { appender } = await appenderTo(proxy.url, { giveUpMs: 300 });
    proxy.fallSilent();
    const startedAt = performance.now();
    expect(await failureOf(appender.append([entry('a')]))).toBeInstanceOf(IntakeUnavailableError);
    // The connection itself takes 4 s to notice.
    expect(performance.now() - startedAt).toBeLessThan(3000);
  });

  test('what it was sent may still run, and the same again appends nothing', async () => {
    const { appender } = await appenderTo(server.url, { giveUpMs: 200 });
    await server.server.pause();
    expect(await failureOf(appender.append([entry('a')]))).toBeInstanceOf(IntakeUnavailableError);
    await server.server.resume();
    await eventually(async () => expect(await namesIn(KEYS.events)).toEqual(['a']));
    expect(repeatsOf(await appender.append([entry('a')]))).toEqual([true]);
  });

  test('all calls of one request together take no longer than one may', async () => {
    let nowMs = 0;
    const { appender } = await appenderTo(server.url, { giveUpMs: 7000, monotonicMs: () => nowMs });
    const request = appender.forRequest();
    const answered = await request.retry(async () => {
      nowMs += 6000;
      return 'an answer that came late';
    });
    expect(answered).toBe('an answer that came late');
    // A second is left to it, and what takes longer is not tried again.
    const away = async () => {
      nowMs += 1000;
      throw new Error('Connection is closed.');
    };
    expect(await failureOf(request.retry(away))).toBeInstanceOf(IntakeUnavailableError);
    expect(await failureOf(request.append([entry('a')]))).toBeInstanceOf(IntakeUnavailableError);
    expect(await namesIn(KEYS.events)).toEqual([]);
    // The next request has a time of its own.
    await appender.forRequest().append([entry('b')]);
    expect(await namesIn(KEYS.events)).toEqual(['b']);
  });

  test('nothing waits for a connection that was closed for good', async () => {
    const { appender, redis } = await appenderTo(server.url, { giveUpMs: 60_000 });
    redis.disconnect();
    await eventually(() => expect(redis.status).toBe('end'));
    expect(await failureOf(appender.append([entry('a')]))).toBeInstanceOf(IntakeUnavailableError);
  });
});

describe('a Redis that is there and cannot write', () => {
  const AILMENTS: readonly (readonly [code: string, setting: string, bad: string, good: string])[] =
    [
      ['OOM', 'maxmemory', '1', '0'],
      ['NOREPLICAS', 'min-replicas-to-write', '1', '0'],
    ];

  test.for(AILMENTS)('by %s is waited for', async ([, setting, bad, good]) => {
    const attempts = { count: 0 };
    const random = () => {
      attempts.count += 1;
      return 0;
    };
    const { appender } = await appenderTo(server.url, { giveUpMs: 20_000, random });
    await admin.config('SET', setting, bad);
    const appending = appender.append([entry('a')]);
    await eventually(() => expect(attempts.count).toBeGreaterThan(1));
    await admin.config('SET', setting, good);
    expect(repeatsOf(await appending)).toEqual([false]);
  });

  test.for(AILMENTS)('by %s is told of after a while', async ([code, setting, bad, good]) => {
    const { appender } = await appenderTo(server.url, { giveUpMs: 200 });
    await admin.config('SET', setting, bad);
    try {
      const failure = await failureOf(appender.append([entry('a')]));
      expect(failure).toBeInstanceOf(IntakeUnavailableError);
      expect(failure.cause).toMatchObject({ message: expect.stringMatching(`^${code} `) });
      expect(await namesIn(KEYS.events)).toEqual([]);
    } finally {
      await admin.config('SET', setting, good);
    }
  });

  test('is the cause, though time is up while it is asked once more', async () => {
    let nowMs = 0;
    const { appender } = await appenderTo(server.url, { giveUpMs: 1000, monotonicMs: () => nowMs });
    let asked = 0;
    const ask = async () => {
      asked += 1;
      nowMs += 800;
      if (asked === 1) throw Object.assign(new Error('OOM now'), { name: 'ReplyError' });
      return await new Promise<never>(() => undefined);
    };
    const failure = await failureOf(appender.retry(ask));
    expect(asked).toBe(2);
    expect(failure.cause).toMatchObject({ message: 'OOM now' });
  });

  test('because a script runs for too long is waited for', async () => {
    const { appender } = await appenderTo(server.url, { giveUpMs: 20_000 });
    await admin.config('SET', 'busy-reply-threshold', '1');
    const endless = failureOf(server.connect().eval('while true do end', 0));
    await eventually(async () => expect(await failureOf(admin.ping())).toMatchObject({}));
    const appending = appender.append([entry('a')]);
    await eventually(async () => await admin.script('KILL'));
    await endless;
    expect(repeatsOf(await appending)).toEqual([false]);
    await admin.config('SET', 'busy-reply-threshold', '5000');
  });
});

test('a failure that waiting does not mend is told at once, without what was sent', async () => {
  const { appender } = await appenderTo(server.url, { giveUpMs: 60_000 });
  await admin.set(KEYS.events, 'a text');
  const failure = await failureOf(appender.append([entry('a', 'a secret')]));
  expect(failure).not.toBeInstanceOf(IntakeUnavailableError);
  expect(failure.message).toMatch(/^WRONGTYPE/);
  expect(JSON.stringify({ ...failure })).not.toContain('secret');
});

describe('what is more than one script may hold', () => {
  test('is appended in order, in several', async () => {
    const { appender } = await appenderTo(server.url);
    await admin.config('RESETSTAT');
    const many = entries(2500, 'short');
    expect(repeatsOf(await appender.append(many))).toHaveLength(2500);
    expect(await namesIn(KEYS.events)).toEqual(many.map(({ pairs }) => pairs[1]));
    expect(await scriptsRun()).toBe(3);
  });

  test('counts bytes as well', async () => {
    const { appender } = await appenderTo(server.url);
    await admin.config('RESETSTAT');
    // Each is 1.5 MiB of UTF-8, so two fit; and one that is larger than that goes by itself.
    const large = entries(5, '漢'.repeat(512 * 1024));
    await appender.append([...large, entry('huge', 'x'.repeat(5 * 1024 * 1024)), entry('last')]);
    const names = ['entry-0', 'entry-1', 'entry-2', 'entry-3', 'entry-4', 'huge', 'last'];
    expect(await namesIn(KEYS.events)).toEqual(names);
    expect(await scriptsRun()).toBe(5);
  });

  test('belongs to one request, which is kept with the first of it', async () => {
    const { appender } = await appenderTo(server.url);
    const key = KEYS.intake.record('request');
    const request = (fingerprint: string) => ({ key, fingerprint, keepSeconds: 60 });
    await appender.appendRequest(request('one'), entries(1001));
    const again = entriesOf(await appender.appendRequest(request('one'), entries(1500)));
    expect(repeatsOf(again)).toEqual(Array.from({ length: 1500 }, (_, i) => i < 1001));
    const other = await appender.appendRequest(request('another'), [
      entry('other'),
      ...entries(1600),
    ]);
    expect(other).toEqual({ kind: 'other_request' });
    expect(await namesIn(KEYS.events)).toHaveLength(1500);
  });

  async function scriptsRun(): Promise<number> {
    const stats = await admin.info('commandstats');
    return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
  }
});

describe('nothing to append', () => {
  test('asks nothing of Redis', async () => {
    const { appender } = await appenderTo(server.url);
    await server.server.kill();
    expect(await appender.append([])).toEqual([]);
  });

  test('keeps the request nevertheless', async () => {
    const { appender } = await appenderTo(server.url);
    const request = { key: KEYS.intake.record('request'), fingerprint: 'f', keepSeconds: 60 };
    expect(await appender.appendRequest(request, [])).toEqual({ kind: 'appended', entries: [] });
    expect(await admin.get(request.key)).toBe('f');
  });
});
