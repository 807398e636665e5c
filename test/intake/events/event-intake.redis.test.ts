import { MAX_ENTRY_BYTES, type TaskEvent } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import type { EventsRequest } from '../../../src/intake/intake.ts';
import { KEYS } from '../../../src/redis/keys.ts';
import { anEvent } from '../../fixtures/events.ts';
import { useRedis } from '../../fixtures/redis.ts';
import {
  aProducer,
  appendedTo,
  aRequest,
  idsOf,
  NOW_MS,
  openIntake,
  resultsOf,
} from '../emitting.ts';

const server = useRedis();
let redis: Redis;

beforeEach(() => {
  redis = server.connect();
});

function accept(events: unknown, more: Partial<EventsRequest> = {}) {
  return openIntake(redis).intake.accept(aRequest(events, more));
}

/** For how long each record of intake is kept, in seconds, the longest first. */
async function keptRecords(): Promise<number[]> {
  const keys = await redis.keys(KEYS.intake.record('*'));
  const ttls = await Promise.all(keys.map((key) => redis.ttl(key)));
  return ttls.sort((a, b) => b - a);
}

describe('an event', () => {
  test('is appended as an entry, with the name of who sent it', async () => {
    const event = anEvent({ attempt: 2, actor: { provider: 'slack', id: 'U1' }, flow: null });
    const [id] = idsOf(await accept(event));
    expect(await appendedTo(redis)).toEqual([
      [
        id,
        {
          ...event,
          attempt: '2',
          actor: '{"provider":"slack","id":"U1"}',
          flow: '',
          producer: 'ci',
        },
      ],
    ]);
  });

  test('is judged by the time at which it comes', async () => {
    const occurredAt = new Date(NOW_MS + 86_400_001).toISOString();
    expect(resultsOf(await accept(anEvent({ occurredAt })))).toMatchObject([
      { error: { field: 'occurredAt', reason: 'occurred_too_late' } },
    ]);
  });

  test('that is invalid is a result, and spoils no other', async () => {
    const good = [anEvent({ executionId: 'a' }), anEvent({ executionId: 'b' })];
    const bad = [null, { ...anEvent(), status: 'running' }, {}];
    const results = resultsOf(await accept([bad[0], good[0], bad[1], good[1], bad[2]]));
    const [a, b] = (await appendedTo(redis)).map(([id]) => id);
    expect(results).toEqual([
      { error: expect.objectContaining({ field: '', reason: 'invalid_value' }) },
      { id: a },
      { error: expect.objectContaining({ field: 'status', reason: 'invalid_value' }) },
      { id: b },
      { error: expect.objectContaining({ field: 'executionId', reason: 'missing_field' }) },
    ]);
  });

  test('is at most 64 KiB as an entry, with all that is added to it', async () => {
    const link = (length: number) => ['https://example.com/'.padEnd(length, 'a')];
    const bytes = Object.entries(anEvent({ producer: 'ci' } as object)).flat();
    const rest = Buffer.byteLength(bytes.join('')) + 'prLinks[""]'.length;
    const largest = anEvent({ prLinks: link(MAX_ENTRY_BYTES - rest) });
    expect(idsOf(await accept(largest))).toHaveLength(1);
    const longerName = { producer: aProducer('ci2') };
    const withKey = { idempotencyKey: 'key' };
    for (const more of [longerName, withKey]) {
      expect(resultsOf(await accept(largest, more))).toEqual([
        { error: expect.objectContaining({ field: '', reason: 'entry_too_large' }) },
      ]);
    }
  });

  test('is taken from lines and from CloudEvents alike', async () => {
    const lines = `${JSON.stringify(anEvent())}\nnonsense\n${JSON.stringify(anEvent())}`;
    const ndjson = await accept(undefined, {
      body: Buffer.from(lines),
      mediaType: 'application/x-ndjson',
    });
    expect(resultsOf(ndjson)).toMatchObject([
      { id: expect.any(String) },
      { error: { reason: 'not_json' } },
      { id: expect.any(String) },
    ]);
    const cloudEvent = { specversion: '1.0', id: '1', source: 's', type: 't', data: anEvent() };
    const batch = await accept([cloudEvent, anEvent()], {
      mediaType: 'application/cloudevents-batch+json',
    });
    expect(resultsOf(batch)).toMatchObject([
      { id: expect.any(String) },
      { error: { field: 'specversion', reason: 'missing_field' } },
    ]);
    expect((await appendedTo(redis)).at(-1)?.[1]).toMatchObject({ eventId: 's#1' });
  });

  test('without key and event id is another one each time', async () => {
    const answers = [await accept([anEvent(), anEvent()]), await accept([anEvent(), anEvent()])];
    expect(new Set(answers.flatMap(idsOf)).size).toBe(4);
    for (const seconds of await keptRecords()) expect(seconds).toBeOneOf([58, 59, 60]);
  });
});

describe('a body', () => {
  test('that is at fault appends nothing, and its key may be used again', async () => {
    const broken = { body: Buffer.from('{'), idempotencyKey: 'key' };
    expect((await accept(undefined, broken)).kind).toBe('invalid_body');
    const many = Array.from({ length: 1001 }, () => anEvent());
    expect(await accept(many, { idempotencyKey: 'key' })).toEqual({
      kind: 'too_many_events',
      max: 1000,
    });
    expect(await redis.dbsize()).toBe(0);
    expect(idsOf(await accept(anEvent(), { idempotencyKey: 'key' }))).toHaveLength(1);
  });

  test('of an empty batch has no results', async () => {
    const answer = await accept([], { mediaType: 'application/cloudevents-batch+json' });
    expect(answer).toEqual({ kind: 'results', results: [], isRepeat: false });
    expect(await redis.dbsize()).toBe(0);
  });

  test('of a thousand events is appended in order', async () => {
    const events = Array.from({ length: 1000 }, (_, i) => anEvent({ executionId: `run-${i}` }));
    const ids = idsOf(await accept(events, { idempotencyKey: 'key' }));
    const appended = await appendedTo(redis);
    expect(appended.map(([id]) => id)).toEqual(ids);
    expect(appended.map(([, { executionId }]) => executionId)).toEqual(
      events.map(({ executionId }) => executionId),
    );
  });
});

describe('a retry', () => {
  const events = [anEvent({ executionId: 'a' }), anEvent({ executionId: 'b' })];

  test('with the same key gives the first ids, and appends nothing', async () => {
    const first = await accept(events, { idempotencyKey: 'key' });
    const again = await accept(events, { idempotencyKey: 'key' });
    expect(first).toMatchObject({ isRepeat: false });
    expect(again).toEqual({ ...first, isRepeat: true });
    expect(await appendedTo(redis)).toHaveLength(2);
    for (const seconds of await keptRecords()) expect(seconds).toBeOneOf([86_398, 86_399, 86_400]);
  });

  test('with the same event ids gives the first ids, whatever else is in the request', async () => {
    const named = events.map((event) => ({ ...event, eventId: 'e1' }));
    const [a, b] = idsOf(await accept(named));
    expect(await accept([named[1], named[0]])).toEqual({
      kind: 'results',
      results: [{ id: b }, { id: a }],
      isRepeat: true,
    });
    const mixed = await accept([named[0], anEvent({ executionId: 'c', eventId: 'e1' })]);
    expect(mixed).toMatchObject({ isRepeat: false });
    expect(idsOf(mixed)[0]).toBe(a);
    expect(await appendedTo(redis)).toHaveLength(3);
    for (const seconds of await keptRecords()) expect(seconds).toBeOneOf([86_398, 86_399, 86_400]);
  });

  test('is known by its event id under another key, and by its key', async () => {
    const event = anEvent({ eventId: 'e1' });
    const first = idsOf(await accept(event, { idempotencyKey: 'one' }));
    expect(idsOf(await accept(event, { idempotencyKey: 'two' }))).toEqual(first);
    expect(idsOf(await accept(event))).toEqual(first);
    expect(idsOf(await accept(event, { idempotencyKey: 'one' }))).toEqual(first);
  });

  test('appends what was refused the first time and is fine now', async () => {
    const idempotencyKey = 'key';
    const limited = { idempotencyKey, producer: aProducer('ci', 'owner/repo') };
    const two = [anEvent(), anEvent({ executionId: 'b', project: 'other/repo' })];
    const [one, refused] = resultsOf(await accept(two, limited));
    expect(refused).toMatchObject({ error: { reason: 'project_forbidden' } });
    const since = { idempotencyKey, producer: aProducer('ci', 'owner/repo', 'other/repo') };
    const answer = await accept(two, since);
    expect(answer).toMatchObject({ isRepeat: false });
    expect(resultsOf(answer)[0]).toEqual(one);
    expect(idsOf(answer)).toEqual((await appendedTo(redis)).map(([id]) => id));
    expect(await accept(two, since)).toEqual({ ...answer, isRepeat: true });
  });

  test('tells of the copies within one request, which are appended once', async () => {
    const event = anEvent({ eventId: 'e1' });
    const answer = await accept([event, event]);
    expect(new Set(idsOf(answer)).size).toBe(1);
    expect(answer).toMatchObject({ isRepeat: false });
    expect(await appendedTo(redis)).toHaveLength(1);
  });

  test('of nothing but refusals is no repeat', async () => {
    const first = await accept([{}, {}], { idempotencyKey: 'key' });
    expect(await accept([{}, {}], { idempotencyKey: 'key' })).toEqual(first);
    expect(first).toMatchObject({ isRepeat: false });
  });
});

test('the observer hears of each event once, by what became of it', async () => {
  const { intake, outcomes } = openIntake(redis);
  const named = (executionId: string): TaskEvent => anEvent({ executionId, eventId: 'e' });
  await intake.accept(aRequest([named('a'), named('b'), {}]));
  await intake.accept(aRequest([named('a'), named('c'), named('c')]));
  await intake.accept(aRequest([], { body: Buffer.from('{') }));
  expect(outcomes).toEqual([
    ['http', 'appended', 2],
    ['http', 'refused', 1],
    ['http', 'appended', 1],
    ['http', 'repeated', 2],
  ]);
});
