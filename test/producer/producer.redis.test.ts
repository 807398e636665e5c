import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { decodeEntry, parseStreamId, type StreamId, type TaskEvent } from '@tasktrail/contract';
import {
  AppendRefusedError,
  BufferFullError,
  InvalidEventError,
  type PipelineClient,
  ProducerClosedError,
  ProducerError,
  RunStateError,
  TaskProducer,
} from '@tasktrail/producer';
import type { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { useRedis } from '../fixtures/redis.ts';

const redis = useRedis();

/** Every entry of the stream, in order. */
async function appendedEvents(client: Redis = redis.connect()): Promise<TaskEvent[]> {
  const entries = await client.xrange('task-events:v1', '-', '+');
  return entries.map(([id, pairs]) => {
    const decoded = decodeEntry(id as StreamId, pairs);
    if (decoded.kind === 'invalid') throw new Error(decoded.problem.detail);
    return decoded.event;
  });
}

/** Calls of a command since the server's counters were reset. */
async function callsOf(command: string, client: Redis): Promise<number> {
  const stats = await client.info('commandstats');
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
}

function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
}

describe('append', () => {
  test('resolves with the id of the entry', async () => {
    await using producer = new TaskProducer({ redis: redis.url });
    const id = await producer.append({
      executionId: 'run-1',
      project: 'acme/app',
      status: 'queued',
      actor: { provider: 'slack', id: 'U1' },
    });
    expect(parseStreamId(id)).toBe(id);
    const [event] = await appendedEvents();
    expect(event).toMatchObject({ executionId: 'run-1', status: 'queued' });
    expect(event?.actor).toEqual({ provider: 'slack', id: 'U1' });
  });

  test('states the time of its clock and a unique event id', async () => {
    const now = () => Date.parse('2026-11-20T12:00:00Z');
    await using producer = new TaskProducer({ redis: redis.url, now });
    await Promise.all(numbered('run', 2).map((executionId) => producer.append({ executionId })));
    const events = await appendedEvents();
    expect(events.map((e) => e.occurredAt)).toEqual(Array(2).fill('2026-11-20T12:00:00.000Z'));
    expect(new Set(events.map((e) => e.eventId)).size).toBe(2);
  });

  test('keeps the order of an execution, and never trims', async () => {
    const client = redis.connect();
    await using producer = new TaskProducer({ redis: redis.url });
    const attempts = Array.from({ length: 40 }, (_, index) => index + 1);
    for (const attempt of attempts) {
      for (const executionId of numbered('run', 50)) void producer.append({ executionId, attempt });
    }
    await producer.flush();
    expect(await client.xlen('task-events:v1')).toBe(2000);
    const events = await appendedEvents(client);
    for (const executionId of numbered('run', 50)) {
      const own = events.filter((event) => event.executionId === executionId);
      expect(own.map(({ attempt }) => attempt)).toEqual(attempts);
    }
  });

  test('sends what has come together in one round trip', async () => {
    const client = redis.connect();
    await using producer = new TaskProducer({ redis: countingPipelines(client) });
    for (const executionId of numbered('run', 1200)) void producer.append({ executionId });
    await producer.flush();
    expect(await callsOf('xadd', client)).toBeGreaterThanOrEqual(1200);
    expect(pipelines).toEqual([500, 500, 200]);
  });

  test('refuses an invalid event at once, and sends nothing', async () => {
    await using producer = new TaskProducer({ redis: redis.url, onError: () => {} });
    const refused = producer.append({ executionId: 'run-1', status: 'done' as 'success' });
    await expect(refused).rejects.toBeInstanceOf(InvalidEventError);
    await expect(refused).rejects.toMatchObject({ field: 'status' });
    await producer.append({ executionId: 'run-2' });
    expect((await appendedEvents()).map((event) => event.executionId)).toEqual(['run-2']);
  });

  test('needs no other permission than to append', async () => {
    const admin = redis.connect();
    await admin.acl('SETUSER', 'bot', 'on', '>secret', '~task-events:v1', '+xadd');
    const url = redis.url.replace('redis://', 'redis://bot:secret@');
    await using producer = new TaskProducer({ redis: url });
    await producer.append({ executionId: 'run-1' });
    expect(await appendedEvents(admin)).toHaveLength(1);
    await admin.acl('DELUSER', 'bot');
  });
});

/** How many commands each pipeline had. */
let pipelines: number[] = [];

function countingPipelines(client: Redis): PipelineClient {
  pipelines = [];
  return {
    pipeline(commands) {
      pipelines.push(commands.length);
      return client.pipeline(commands);
    },
  };
}

describe('a reply that is permanent', () => {
  test('rejects with the remedy', async () => {
    await redis.connect().set('task-events:v1', 'taken');
    await using producer = new TaskProducer({ redis: redis.url, onError: () => {} });
    const refused = producer.append({ executionId: 'run-1' });
    await expect(refused).rejects.toBeInstanceOf(AppendRefusedError);
    await expect(refused).rejects.toMatchObject({ code: 'WRONGTYPE', executionId: 'run-1' });
    await expect(refused).rejects.toThrow('is this the right Redis?');
  });

  test('rejects that append, and not the others of its pipeline', async () => {
    const client = redis.connect();
    await client.set('taken', 'by a string');
    const misdirected: PipelineClient = {
      pipeline: (commands) =>
        client.pipeline(
          commands.map((command) =>
            command.includes('run-2') ? command.with(1, 'taken') : command,
          ),
        ),
    };
    await using producer = new TaskProducer({ redis: misdirected, onError: () => {} });
    const appends = ['run-1', 'run-2', 'run-3'].map((executionId) =>
      producer.append({ executionId }),
    );
    await expect(producer.flush()).rejects.toThrow('WRONGTYPE');
    const outcomes = await Promise.allSettled(appends);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((await appendedEvents(client)).map((e) => e.executionId)).toEqual(['run-1', 'run-3']);
  });

  test('names the permission that is missing', async () => {
    const admin = redis.connect();
    await admin.acl('SETUSER', 'reader', 'on', '>secret', '~*', '+xread');
    const url = redis.url.replace('redis://', 'redis://reader:secret@');
    await using producer = new TaskProducer({ redis: url, onError: () => {} });
    await expect(producer.append({ executionId: 'run-1' })).rejects.toThrow('XADD');
    await admin.acl('DELUSER', 'reader');
  });
});

describe('a full buffer', () => {
  test('rejects at once, naming the limit and the remedy; room comes back', async () => {
    const producer = new TaskProducer({
      redis: redis.url,
      maxBufferedEvents: 2,
      onError: () => {},
    });
    void producer.append({ executionId: 'run-1' });
    void producer.append({ executionId: 'run-2' });
    const refused = producer.append({ executionId: 'run-3' });
    await expect(refused).rejects.toBeInstanceOf(BufferFullError);
    await expect(refused).rejects.toThrow('2 events wait for Redis. Await waitForRoom()');
    await producer.waitForRoom();
    await producer.append({ executionId: 'run-4' });
    await producer.close();
    expect((await appendedEvents()).map((e) => e.executionId)).toEqual(['run-1', 'run-2', 'run-4']);
  });

  test('is measured in bytes too', async () => {
    await using producer = new TaskProducer({
      redis: redis.url,
      maxBufferedBytes: 1000,
      onError: () => {},
    });
    void producer.append({ executionId: 'run-1', message: 'x'.repeat(900) });
    const refused = producer.append({ executionId: 'run-2', message: 'x'.repeat(900) });
    await expect(refused).rejects.toThrow('1000 bytes wait for Redis');
  });
});

describe('a promise that is ignored', () => {
  test('never becomes an unhandled rejection, and its error is reported', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const errors: ProducerError[] = [];
    const producer = new TaskProducer({ redis: redis.url, onError: (e) => errors.push(e) });
    void producer.append({ executionId: '' });
    void producer.run({ executionId: 'run-1', project: 'acme/app' }).update({ message: 'early' });
    await producer.close();
    void producer.append({ executionId: 'run-2' });
    await vi.waitFor(() => expect(errors).toHaveLength(3));
    expect(errors.map((error) => error.constructor)).toEqual([
      InvalidEventError,
      RunStateError,
      ProducerClosedError,
    ]);
    // Node reports unhandled rejections once the microtasks are done.
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  test('is a process warning where nobody listens, once for each kind of error', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    await using producer = new TaskProducer({ redis: redis.url });
    void producer.append({ executionId: '' });
    void producer.append({ executionId: '' });
    await producer.append({ executionId: 'run-1' });
    const warnings = warn.mock.calls.map(([warning]) => warning);
    warn.mockRestore();
    expect(warnings).toEqual([expect.any(InvalidEventError)]);
  });
});

describe('a run', () => {
  test('becomes events in order, without awaiting each', async () => {
    await using producer = new TaskProducer({ redis: redis.url });
    const run = producer.run({ executionId: 'run-1', project: 'acme/app', taskName: 'Build' });
    void run.start();
    void run.update({ message: 'compiling' });
    await run.fail(new Error('exit code 2'));
    const events = await appendedEvents();
    expect(events.map(({ status, message }) => [status, message])).toEqual([
      ['in_progress', undefined],
      [undefined, 'compiling'],
      ['error', 'exit code 2'],
    ]);
  });
});

describe('closing', () => {
  test('sends what is buffered, and leaves no connection open', async () => {
    {
      await using producer = new TaskProducer({ redis: redis.url });
      for (const executionId of numbered('run', 100)) void producer.append({ executionId });
    }
    expect(await appendedEvents()).toHaveLength(100);
    await expect.poll(() => redis.foreignConnections()).toEqual([]);
  });

  test('may be asked for again, and twice at once', async () => {
    const producer = new TaskProducer({ redis: redis.url, onError: () => {} });
    void producer.append({ executionId: 'run-1' });
    const closed = producer.close();
    expect(producer.close()).toBe(closed);
    await closed;
    await producer.close();
    await expect(producer.append({ executionId: 'run-2' })).rejects.toThrow('make another one');
    expect(await appendedEvents()).toHaveLength(1);
  });

  test('lets the process end by itself', async () => {
    const script = `
      import { TaskProducer } from '@tasktrail/producer';
      const producer = new TaskProducer({ redis: process.argv[1] });
      await producer.append({ executionId: 'run-1' });
      const away = new TaskProducer({ redis: 'redis://127.0.0.1:1', onError: () => {} });
      away.append({ executionId: 'run-2' });
      await Promise.allSettled([producer.close(), away.close(50)]);
      console.log('closed');
    `;
    const flags = ['--conditions=tasktrail-source', '--input-type=module'];
    const child = spawn(process.execPath, [...flags, '--eval', script, redis.url]);
    onTestFinished(() => void child.kill());
    await once(child.stdout, 'data');
    const closedAt = performance.now();
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(performance.now() - closedAt).toBeLessThan(1000);
  });

  test('is quick when nothing was ever sent', async () => {
    await new TaskProducer({ redis: 'redis://127.0.0.1:1' }).close();
  });
});

describe("somebody else's client", () => {
  test('is used, and not closed', async () => {
    const client = redis.connect();
    const producer = new TaskProducer({ redis: client });
    await producer.append({ executionId: 'run-1' });
    await producer.close();
    expect(await client.ping()).toBe('PONG');
    expect(await appendedEvents(client)).toHaveLength(1);
  });

  test('must not rename the stream', () => {
    const client = redis.connect({ keyPrefix: 'bot:' });
    expect(() => new TaskProducer({ redis: client })).toThrow('must have no keyPrefix');
  });
});

test('connection options do not rename the stream', async () => {
  const { port } = new URL(redis.url);
  const options = { host: '127.0.0.1', port: Number(port), keyPrefix: 'bot:' };
  await using producer = new TaskProducer({ redis: options });
  await producer.append({ executionId: 'run-1' });
  expect(await appendedEvents()).toHaveLength(1);
});

test('an address that is none is refused without showing it', () => {
  const make = () => new TaskProducer({ redis: 'user:secret@localhost:6379' });
  expect(make).toThrow(ProducerError);
  expect(make).toThrow(/^redis must be redis:\/\/… or rediss:\/\/…/);
});
