import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import type { EventsRequest } from '../../../src/intake/intake.ts';
import { KEYS } from '../../../src/redis/keys.ts';
import { anEvent } from '../../fixtures/events.ts';
import { useRedis } from '../../fixtures/redis.ts';
import { aProducer, appendedTo, aRequest, idsOf, openIntake } from '../emitting.ts';

const server = useRedis();
let redis: Redis;

beforeEach(() => {
  redis = server.connect();
});

function accept(events: unknown, more: Partial<EventsRequest> = {}) {
  return openIntake(redis).intake.accept(aRequest(events, more));
}

describe('an event that is sent with a key and no event id', () => {
  const eventIdsOf = async () => (await appendedTo(redis)).map(([, { eventId }]) => eventId);

  test('gets one from its place in the request, which a retry gets again', async () => {
    await accept([anEvent(), anEvent()], { idempotencyKey: 'key' });
    const [one, other] = await eventIdsOf();
    expect(one).toMatch(/^[\w-]{43}$/);
    expect(other).not.toBe(one);
    // As after 24 h: where events are applied, the copies are known.
    await redis.del(...(await redis.keys(KEYS.intake.record('*'))));
    await accept([anEvent(), anEvent()], { idempotencyKey: 'key' });
    expect(await eventIdsOf()).toEqual([one, other, one, other]);
  });

  test('gets another one for other contents once the key is forgotten', async () => {
    await accept(anEvent({ status: 'queued' }), { idempotencyKey: 'daily' });
    await redis.del(...(await redis.keys(KEYS.intake.record('*'))));
    await accept(anEvent({ status: 'success' }), { idempotencyKey: 'daily' });
    const [one, other] = await eventIdsOf();
    expect(other).not.toBe(one);
  });

  test('keeps the one that it has', async () => {
    await accept(anEvent({ eventId: 'mine' }), { idempotencyKey: 'key' });
    expect(await eventIdsOf()).toEqual(['mine']);
  });
});

describe('an Idempotency-Key', () => {
  test('stands for one body and its type, and another one appends nothing', async () => {
    const body = Buffer.from(JSON.stringify(anEvent()));
    await accept(undefined, { body, idempotencyKey: 'key' });
    const others: Partial<EventsRequest>[] = [
      { body: Buffer.from(JSON.stringify(anEvent({ status: 'error' }))) },
      { body: Buffer.from(`${body} `) },
      { body, mediaType: 'application/x-ndjson' },
      { body: Buffer.from('[{}]') },
    ];
    for (const other of others) {
      const answer = await accept(undefined, { ...other, idempotencyKey: 'key' });
      expect(answer).toEqual({ kind: 'key_reused' });
    }
    expect(await appendedTo(redis)).toHaveLength(1);
  });

  test('that was sent with nothing but refusals stands for them', async () => {
    await accept([{}], { idempotencyKey: 'key' });
    expect(await accept(anEvent(), { idempotencyKey: 'key' })).toEqual({ kind: 'key_reused' });
  });

  test('that is forgotten stands for nothing, however long its parts are kept', async () => {
    const idempotencyKey = 'key';
    const limited = { idempotencyKey, producer: aProducer('ci', 'owner/repo') };
    const refusedAtFirst = [anEvent({ project: 'other/repo' })];
    await accept(refusedAtFirst, limited);
    const [requestKey] = await redis.keys(KEYS.intake.record('*'));
    await accept(refusedAtFirst, { idempotencyKey, producer: aProducer('ci') });
    await redis.del(requestKey ?? '');
    const answer = await accept([anEvent({ status: 'error' })], limited);
    expect(answer).toMatchObject({ kind: 'results', isRepeat: false });
    expect((await appendedTo(redis)).at(-1)?.[1]).toMatchObject({ status: 'error' });
  });

  test.for(['x', 'a key "with" ~ all', 'k'.repeat(255)])('may be %j', async (idempotencyKey) => {
    expect(idsOf(await accept(anEvent(), { idempotencyKey }))).toHaveLength(1);
  });

  test.for(['', 'k'.repeat(256), 'ä', 'a\tb', 'a\n'])('must not be %j', async (idempotencyKey) => {
    expect(await accept(anEvent(), { idempotencyKey })).toEqual({
      kind: 'invalid_body',
      reason: 'Idempotency-Key must be 1 to 255 printable ASCII characters, such as a UUID',
    });
    expect(await redis.dbsize()).toBe(0);
  });
});
