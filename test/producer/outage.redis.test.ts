import { inspect } from 'node:util';
import type { StreamId } from '@tasktrail/contract';
import { type AppendDelayedError, NotSentError, TaskProducer } from '@tasktrail/producer';
import type { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { startLosingProxy } from '../fixtures/losing-proxy.ts';
import { useRedis } from '../fixtures/redis.ts';

const redis = useRedis({ appendOnly: 'always' });

interface Appended {
  readonly executionId: string;
  readonly attempt: number;
  readonly eventId: string;
}

async function appended(client: Redis = redis.connect()): Promise<Appended[]> {
  const entries = await client.xrange('task-events:v1', '-', '+');
  return entries.map(([, pairs]) => {
    const field = (name: string) => pairs[pairs.lastIndexOf(name) + 1] ?? '';
    const attempt = Number(field('attempt'));
    return { executionId: field('executionId'), attempt, eventId: field('eventId') };
  });
}

/** As where events are applied: a copy among the last 8 event ids changes nothing. */
function applied(events: readonly Appended[], executionId: string): number[] {
  const ids: string[] = [];
  const attempts: number[] = [];
  for (const event of events) {
    if (event.executionId !== executionId || ids.slice(-8).includes(event.eventId)) continue;
    ids.push(event.eventId);
    attempts.push(event.attempt);
  }
  return attempts;
}

const RUNS = ['run-1', 'run-2', 'run-3'];

/** Attempts 1, 2, 3 … stand for the order of an execution's events. */
function appendRound(producer: TaskProducer, attempt: number): Promise<StreamId[]> {
  return Promise.all(RUNS.map((executionId) => producer.append({ executionId, attempt })));
}

function counting(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

describe('a reply that is lost', () => {
  // A reply to one XADD is 22 bytes.
  test.for([0, 22, 30])(
    'after %i bytes: events come twice with the same event id, and none is lost',
    async (bytes) => {
      await using proxy = await startLosingProxy(redis.url);
      await using producer = new TaskProducer({ redis: proxy.url });
      const lost = proxy.loseNextReply(bytes);
      await appendRound(producer, 1);
      await lost;
      const events = await appended();
      const confirmed = Math.floor(bytes / 22);
      expect(events).toHaveLength(2 * RUNS.length - confirmed);
      expect(new Set(events.map((event) => event.eventId)).size).toBe(RUNS.length);
      for (const executionId of RUNS) expect(applied(events, executionId)).toEqual([1]);
    },
  );

  test('again and again, with more than 8 events of an execution waiting, spoils no order', async () => {
    await using proxy = await startLosingProxy(redis.url);
    await using producer = new TaskProducer({ redis: proxy.url, random: () => 0 });
    for (const attempt of counting(30)) void appendRound(producer, attempt);
    const flushed = producer.flush();
    for (const bytes of [0, 22, 0, 44, 0, 22]) await proxy.loseNextReply(bytes);
    await flushed;
    const events = await appended();
    expect(events.length).toBeGreaterThan(30 * RUNS.length);
    for (const executionId of RUNS) expect(applied(events, executionId)).toEqual(counting(30));
  });

  test('costs a connection, which is replaced', async () => {
    await using proxy = await startLosingProxy(redis.url);
    await using producer = new TaskProducer({ redis: proxy.url });
    const lost = proxy.loseNextReply();
    await Promise.all([lost, appendRound(producer, 1)]);
    expect(proxy.opened).toBe(2);
  });
});

describe('an outage', () => {
  test('of a killed and restarted Redis loses nothing', async () => {
    const delays: AppendDelayedError[] = [];
    await using producer = new TaskProducer({ redis: redis.url, onRetry: (d) => delays.push(d) });
    await appendRound(producer, 1);
    const killed = redis.server.kill();
    const rounds = counting(20)
      .slice(1)
      .map((attempt) => appendRound(producer, attempt));
    await killed;
    await expect.poll(() => delays.length).toBeGreaterThan(1);
    await redis.server.restart();
    await Promise.all(rounds);
    const events = await appended();
    for (const executionId of RUNS) expect(applied(events, executionId)).toEqual(counting(20));
    expect(delays.at(-1)?.message).toMatch(/^Redis cannot append now \(.+\); \d+ event\(s\) wait/);
  });

  test('of a frozen Redis that answers too late loses nothing', async () => {
    const delays: AppendDelayedError[] = [];
    await using producer = new TaskProducer({
      redis: redis.url,
      answerTimeoutMs: 200,
      onRetry: (delay) => delays.push(delay),
    });
    await appendRound(producer, 1);
    await redis.server.pause();
    const rounds = counting(20)
      .slice(1)
      .map((attempt) => appendRound(producer, attempt));
    // The first attempt lost its reply, the second found no answer to its connection.
    await expect.poll(() => delays.length).toBeGreaterThan(1);
    expect(delays[0]?.message).toContain('Socket timeout');
    await redis.server.resume();
    await Promise.all(rounds);
    const events = await appended();
    for (const executionId of RUNS) expect(applied(events, executionId)).toEqual(counting(20));
  });

  test.for([
    ['READONLY', ['replicaof', '127.0.0.1', '1'], ['replicaof', 'no', 'one']],
    ['OOM', ['config', 'set', 'maxmemory', '1'], ['config', 'set', 'maxmemory', '0']],
    [
      'NOREPLICAS',
      ['config', 'set', 'min-replicas-to-write', '1'],
      ['config', 'set', 'min-replicas-to-write', '0'],
    ],
  ] as const)('in which Redis answers %s is waited for', async ([code, begin, end]) => {
    const admin = redis.connect();
    const delays: AppendDelayedError[] = [];
    await using producer = new TaskProducer({ redis: redis.url, onRetry: (d) => delays.push(d) });
    await admin.call(begin[0], ...begin.slice(1));
    const round = appendRound(producer, 1);
    await expect.poll(() => delays.length).toBeGreaterThan(0);
    await admin.call(end[0], ...end.slice(1));
    await round;
    expect(delays[0]?.message).toContain(code);
    expect(await appended(admin)).toHaveLength(RUNS.length);
  });

  test('in which Redis refuses to append costs the connection, since the primary may be elsewhere', async () => {
    const admin = redis.connect();
    await using proxy = await startLosingProxy(redis.url);
    const delays: AppendDelayedError[] = [];
    await using producer = new TaskProducer({ redis: proxy.url, onRetry: (d) => delays.push(d) });
    await admin.replicaof('127.0.0.1', 1);
    const round = appendRound(producer, 1);
    await expect.poll(() => delays.length).toBeGreaterThan(0);
    await admin.replicaof('NO', 'ONE');
    await round;
    expect(proxy.opened).toBe(delays.length + 1);
  });

  test('is asked about ever more rarely, up to a second apart', async () => {
    const delays: AppendDelayedError[] = [];
    const producer = new TaskProducer({
      redis: 'redis://127.0.0.1:1',
      random: () => 0,
      closeTimeoutMs: 0,
      onRetry: (delay) => delays.push(delay),
      onError: () => {},
    });
    void producer.append({ executionId: 'run-1' });
    await expect.poll(() => delays.length, { timeout: 5000 }).toBe(7);
    expect(delays.map(({ waitMs }) => waitMs)).toEqual([25, 50, 100, 200, 400, 500, 500]);
    await expect(producer.close()).rejects.toThrow(NotSentError);
  });

  test('by a wrong password is told of without the password', async () => {
    const url = redis.url.replace('redis://', 'redis://bot:secret@');
    const delays: AppendDelayedError[] = [];
    const producer = new TaskProducer({
      redis: url,
      onRetry: (d) => delays.push(d),
      onError: () => {},
    });
    void producer.append({ executionId: 'run-1' });
    await expect.poll(() => delays.length).toBeGreaterThan(0);
    await producer.close(0).catch(() => {});
    expect(delays[0]?.message).toContain('WRONGPASS');
    expect(inspect(delays[0], { depth: null })).not.toContain('secret');
  });

  test('at the start is waited for', async () => {
    await redis.server.kill();
    await using producer = new TaskProducer({ redis: redis.url });
    const round = appendRound(producer, 1);
    await redis.server.restart();
    await round;
    expect(await appended()).toHaveLength(RUNS.length);
  });

  test('of an idle connection is not even noticed', async () => {
    await using producer = new TaskProducer({ redis: redis.url });
    await appendRound(producer, 1);
    await redis.server.kill();
    await redis.server.restart();
    await appendRound(producer, 2);
    const events = await appended();
    for (const executionId of RUNS) expect(applied(events, executionId)).toEqual([1, 2]);
  });
});

describe('closing during an outage', () => {
  test.for(['kill', 'pause'] as const)(
    '(%s) gives up at its deadline and says how many events are left',
    async (how) => {
      const delays: AppendDelayedError[] = [];
      const producer = new TaskProducer({
        redis: redis.url,
        onError: () => {},
        onRetry: (delay) => delays.push(delay),
      });
      await appendRound(producer, 1);
      await redis.server[how]();
      const round = Promise.allSettled([2, 3].map((attempt) => appendRound(producer, attempt)));
      const startedAt = performance.now();
      const closed = producer.close(300);
      await expect(closed).rejects.toBeInstanceOf(NotSentError);
      await expect(closed).rejects.toMatchObject({ unsent: 2 * RUNS.length });
      await expect(closed).rejects.toThrow('6 event(s) were not confirmed by Redis within 300 ms');
      expect(performance.now() - startedAt).toBeLessThan(1500);
      expect((await round).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
      expect(producer.bufferedEvents).toBe(0);
      // The attempt that was under way failed with the connection; no other one follows.
      await new Promise((resolve) => setImmediate(resolve));
      if (how === 'pause') expect(delays).toEqual([]);
    },
  );

  test('lets those go on that wait for room or for a flush', async () => {
    await redis.server.kill();
    const producer = new TaskProducer({
      redis: redis.url,
      maxBufferedEvents: 1,
      onError: () => {},
    });
    void producer.append({ executionId: 'run-1' });
    const flushed = producer.flush();
    const room = producer.waitForRoom();
    void producer.close(0);
    await room;
    await expect(flushed).rejects.toBeInstanceOf(NotSentError);
  });

  test("(pause) does not wait for somebody else's client", async () => {
    const client = redis.connect();
    await client.ping();
    const producer = new TaskProducer({ redis: client, onError: () => {} });
    await redis.server.pause();
    void producer.append({ executionId: 'run-1' });
    await expect(producer.close(100)).rejects.toMatchObject({ unsent: 1 });
    expect(client.status).toBe('ready');
  });
});

test("somebody else's client with ioredis' defaults loses nothing either", async () => {
  const producer = new TaskProducer({ redis: redis.connect() });
  await appendRound(producer, 1);
  await redis.server.kill();
  const rounds = counting(10)
    .slice(1)
    .map((attempt) => appendRound(producer, attempt));
  await redis.server.restart();
  await Promise.all(rounds);
  await producer.close();
  const events = await appended();
  for (const executionId of RUNS) expect(applied(events, executionId)).toEqual(counting(10));
});
