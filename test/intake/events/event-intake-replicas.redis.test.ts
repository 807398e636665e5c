import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { AppenderOptions } from '../../../src/intake/appender.ts';
import { IntakeUnavailableError } from '../../../src/intake/intake.ts';
import { connectForCommands } from '../../../src/redis/connections.ts';
import { KEYS } from '../../../src/redis/keys.ts';
import { anEvent } from '../../fixtures/events.ts';
import { eventually } from '../../fixtures/facts.ts';
import { startLosingProxy } from '../../fixtures/losing-proxy.ts';
import { useRedis } from '../../fixtures/redis.ts';
import { aProducer, appendedTo, aRequest, idsOf, openIntake, resultsOf } from '../emitting.ts';

const server = useRedis({ appendOnly: 'always' });
let admin: Redis;

beforeEach(() => {
  admin = server.connect();
});

/** A server's intake, on a connection as the program has it. */
async function openReplica(url = server.url, options: Partial<AppenderOptions> = {}) {
  const redis = connectForCommands({ url, name: 'replica', onError: () => undefined });
  onTestFinished(() => redis.disconnect());
  await redis.connect();
  return { redis, ...openIntake(redis, options) };
}

function three(eventId?: string) {
  return ['a', 'b', 'c'].map((executionId) =>
    anEvent({ executionId, ...(eventId === undefined ? {} : { eventId }) }),
  );
}

describe('two replicas', () => {
  test.for([
    ['the same key', { idempotencyKey: 'key' }, undefined],
    ['the same event ids', {}, 'e1'],
    ['both', { idempotencyKey: 'key' }, 'e1'],
  ] as const)('that get %s at once, many times, append once', async ([, more, eventId]) => {
    const replicas = [await openReplica(), await openReplica()];
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        replicas[i % 2]!.intake.accept(aRequest(three(eventId), more)),
      ),
    );
    const ids = answers.map(idsOf);
    for (const one of ids) expect(one).toEqual(ids[0]);
    expect((await appendedTo(admin)).map(([id]) => id)).toEqual(ids[0]);
    const fresh = answers.filter((answer) => answer.kind === 'results' && !answer.isRepeat);
    expect(fresh).toHaveLength(1);
  });

  test('that get other contents under one key at once append those of one', async () => {
    const replicas = [await openReplica(), await openReplica()];
    const answers = await Promise.all(
      replicas.flatMap(({ intake }, i) =>
        ['x', 'y', 'z'].map((message) =>
          intake.accept(aRequest(anEvent({ message: `${message}${i}` }), { idempotencyKey: 'k' })),
        ),
      ),
    );
    expect(answers.filter(({ kind }) => kind === 'key_reused')).toHaveLength(5);
    expect(await appendedTo(admin)).toHaveLength(1);
  });
});

describe('a request', () => {
  test.for([
    ['a key', { idempotencyKey: 'key' }],
    ['nothing that names it', {}],
  ] as const)('with %s whose reply from Redis is lost is appended once', async ([, more]) => {
    await using proxy = await startLosingProxy(server.url);
    const { intake } = await openReplica(proxy.url);
    await intake.accept(aRequest(anEvent({ executionId: 'before' })));
    const lost = proxy.loseNextReply();
    const ids = idsOf(await intake.accept(aRequest(three(), more)));
    await lost;
    expect((await appendedTo(admin)).map(([id]) => id).slice(1)).toEqual(ids);
  });

  test('that comes while Redis is down is answered once it is up', async () => {
    const producer = aProducer('ci', 'owner/repo');
    const { intake, redis } = await openReplica(server.url, { giveUpMs: 20_000 });
    await intake.accept(aRequest(anEvent(), { producer }));
    await server.server.kill();
    await eventually(() => expect(redis.status).not.toBe('ready'));
    // This one has its project looked up first, which waits as well.
    const { project: _, ...event } = anEvent({ status: 'success' });
    const answering = intake.accept(aRequest(event, { producer }));
    await server.server.restart();
    expect(idsOf(await answering)).toHaveLength(1);
    expect((await appendedTo(admin)).map(([, { status }]) => status)).toEqual([
      'queued',
      'success',
    ]);
  });

  test('that looks up a project while Redis is down is told so', async () => {
    const { intake } = await openReplica(server.url, { giveUpMs: 200 });
    await server.server.kill();
    const { project: _, ...event } = anEvent();
    const producer = aProducer('ci', 'owner/repo');
    const answering = intake.accept(aRequest(event, { producer }));
    await expect(answering).rejects.toBeInstanceOf(IntakeUnavailableError);
  });

  test('that comes while Redis is full is told so, and appends nothing', async () => {
    const { intake, outcomes } = await openReplica(server.url, { giveUpMs: 200 });
    const request = aRequest(three(), { idempotencyKey: 'key' });
    await admin.config('SET', 'maxmemory', '1');
    await expect(intake.accept(request)).rejects.toBeInstanceOf(IntakeUnavailableError);
    await admin.config('SET', 'maxmemory', '0');
    expect(await admin.dbsize()).toBe(0);
    expect(outcomes).toEqual([]);
    expect(idsOf(await intake.accept(request))).toHaveLength(3);
  });

  test('that was answered is there after a crash of Redis, and its retry is known', async () => {
    const { intake } = await openReplica(server.url, { giveUpMs: 20_000 });
    const request = aRequest([...three(), {}], { idempotencyKey: 'key' });
    const first = resultsOf(await intake.accept(request));
    await server.server.kill();
    await server.server.restart();
    expect(await intake.accept(request)).toEqual({
      kind: 'results',
      results: first,
      isRepeat: true,
    });
    expect(await appendedTo(admin)).toHaveLength(3);
  });
});

test('a damaged row is a defect that is told, and no project', async () => {
  const { intake } = await openReplica();
  await admin.set(KEYS.execution('run-1'), 'no hash');
  const { project: _, ...event } = anEvent();
  const answering = intake.accept(aRequest(event, { producer: aProducer('ci', 'owner/repo') }));
  await expect(answering).rejects.toThrow(/^WRONGTYPE/);
});
