import { INVALID_REASONS, type InvalidEntry, type StreamId } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { anEntry, idOf } from '../fixtures/events.ts';
import { whenProjected } from '../fixtures/facts.ts';
import { useRedis } from '../fixtures/redis.ts';
import { type Appended, applyBatch } from './batches.ts';
import { runProjector } from './running-projector.ts';

type Text = string | Buffer;

interface Fault {
  readonly what: string;
  readonly pairs: readonly Text[];
  readonly reason: InvalidEntry['reason'];
  readonly field: InvalidEntry['field'];
}

const NO_UTF8 = Buffer.from([0x61, 0xff, 0xfe, 0x00, 0x62]);
/** A valid start of a character, cut off. */
const HALF_CHARACTER = Buffer.from('😀').subarray(0, 2);

function fault(
  what: string,
  pairs: readonly Text[],
  reason: Fault['reason'],
  field: Fault['field'] = '',
): Fault {
  return { what, pairs, reason, field };
}

function invalid(field: Exclude<Fault['field'], ''>, text: string): Fault {
  return fault(`${field} ${text}`, anEntry({ [field]: text }), 'invalid_value', field);
}

/** Each rule of PROTOCOL.md, "The event", broken; run-0 is a task of owner/repo. */
const FAULTS: readonly Fault[] = [
  fault('no executionId', anEntry({ executionId: undefined }), 'missing_field', 'executionId'),
  fault('no occurredAt', anEntry({ occurredAt: undefined }), 'missing_field', 'occurredAt'),
  fault('a first event without project', anEntry({ project: '' }), 'missing_field', 'project'),
  fault('a first event without status', anEntry({ status: '' }), 'missing_field', 'status'),
  invalid('executionId', 'stream'),
  invalid('executionId', ''),
  invalid('occurredAt', '2026-11-20T12:00:00'),
  invalid('project', 'repo'),
  invalid('status', 'running'),
  invalid('taskName', 'a\u001b[31mb'),
  invalid('flow', 'a'.repeat(101)),
  invalid('actor', '{"provider":"slack"}'),
  invalid('prLinks', '["javascript:alert(1)"]'),
  invalid('visibility', '{"responsibleUsers":["ana"]}'),
  invalid('message', 'a\r\nb'),
  invalid('attempt', '1.5'),
  invalid('eventId', 'a'.repeat(201)),
  fault(
    'a time that is years ahead',
    anEntry({ occurredAt: '9999-01-01T00:00:00Z' }),
    'occurred_too_late',
    'occurredAt',
  ),
  fault(
    'another project',
    anEntry({ executionId: 'run-0', project: 'a/b' }),
    'project_changed',
    'project',
  ),
  fault(
    'a higher attempt without status',
    anEntry({ executionId: 'run-0', status: '', attempt: '2' }),
    'status_required',
    'status',
  ),
  fault('one byte over 64 KiB', [...anEntry(), 'note', sizedNote(65_537)], 'entry_too_large'),
  fault('2 MB', [...anEntry(), 'note', 'a'.repeat(2_000_000)], 'entry_too_large'),
  fault('a value that is not UTF-8', [...anEntry(), 'message', NO_UTF8], 'not_utf8'),
  fault('a name that is not UTF-8', [...anEntry(), NO_UTF8, 'x'], 'not_utf8'),
  fault('half a character in an unknown field', ['x', HALF_CHARACTER, ...anEntry()], 'not_utf8'),
  fault(
    'an overridden value that is not UTF-8',
    ['flow', NO_UTF8, ...anEntry({ flow: 'a' })],
    'not_utf8',
  ),
  fault(
    'repeated fields',
    ['status', 'a', 'status', 'b', ...anEntry({ status: undefined }), 'status', 'c'],
    'invalid_value',
    'status',
  ),
  fault(
    'fields named like those that are added',
    ['reason', 'x', 'sourceId', 'y', 'field', 'z', 'detail', ''],
    'missing_field',
    'executionId',
  ),
  fault('an empty name and value', ['', ''], 'missing_field', 'executionId'),
  fault('3,500 pairs', manyPairs(3500), 'missing_field', 'executionId'),
];

const server = useRedis();
let redis: Redis;

beforeEach(() => {
  redis = server.connect();
});

async function append(pairs: readonly Text[]): Promise<StreamId> {
  return idOf(String(await redis.call('XADD', [KEYS.events, '*', ...pairs])));
}

async function quarantined(): Promise<Buffer[][]> {
  const entries = await redis.xrangeBuffer(KEYS.quarantine, '-', '+');
  return entries.map(([, pairs]) => pairs);
}

function texts(pairs: readonly Buffer[] | undefined): string[] {
  return (pairs ?? []).map(String);
}

/** What a reader of the quarantine is told about an entry, in this order. */
function tail(reason: string, field: string, id: StreamId): unknown[] {
  return ['reason', reason, 'field', field, 'detail', expect.stringMatching(/\S/), 'sourceId', id];
}

describe('INV8: an invalid entry is kept whole, with the reason, and stops nothing:', () => {
  test.for(FAULTS)('$what', async ({ pairs, reason, field }) => {
    const projector = await runProjector(server.url);
    await append(anEntry({ executionId: 'run-0' }));
    const id = await append(pairs);
    const next = await append(anEntry({ executionId: 'run-9' }));
    await whenProjected(redis, next);

    const kept = await quarantined();
    expect(kept).toHaveLength(1);
    const original = kept[0]?.slice(0, -8) ?? [];
    expect(Buffer.concat(original).equals(Buffer.concat(pairs.map(toBytes)))).toBe(true);
    expect(original.map((part) => part.length)).toEqual(pairs.map((part) => toBytes(part).length));
    expect(texts(kept[0]?.slice(-8))).toEqual(tail(reason, field, id));

    expect(projector.quarantined).toEqual([[id, reason, field]]);
    expect(await redis.hget(KEYS.execution('run-9'), 'lastEventId')).toBe(next);
    expect(await redis.xlen(KEYS.updates)).toBe(2);
    expect(await redis.zcard(KEYS.executions.all())).toBe(2);
  });

  test('every reason that there is', () => {
    const reasons = new Set(FAULTS.map(({ reason }) => reason));
    expect([...reasons].sort()).toEqual([...INVALID_REASONS].sort());
  });

  test.for([3501, 10_000])('%i pairs, as one JSON array', async (count) => {
    await runProjector(server.url);
    const pairs = [...manyPairs(count - 2), 'q"uote', 'back\\slash/', 'flow', 'läuft 😀\u0000'];
    const id = await append(pairs);
    const next = await append(anEntry());
    await whenProjected(redis, next);
    const [kept] = await quarantined();
    const [name, json, ...rest] = texts(kept);
    expect(name).toBe('entry');
    expect(JSON.parse(json ?? '')).toEqual(pairs);
    expect(rest).toEqual(tail('missing_field', 'executionId', id));
  });

  test('10,000 pairs, byte by byte also where they are not UTF-8', async () => {
    await runProjector(server.url);
    const pairs = [...manyPairs(9999), 'message', NO_UTF8];
    const id = await append(pairs);
    await whenProjected(redis, id);
    const [kept] = await quarantined();
    const bytesAsText: string[] = JSON.parse(kept?.[1]?.toString('latin1') ?? '');
    expect(bytesAsText.map((text) => Buffer.from(text, 'latin1'))).toEqual(pairs.map(toBytes));
  });

  test('a whole batch of them', async () => {
    const pipeline = redis.pipeline();
    for (let i = 0; i < 600; i += 1) pipeline.xadd(KEYS.events, '*', 'n', `${i}`);
    await pipeline.exec();
    await runProjector(server.url);
    await whenProjected(redis, await append(anEntry()));
    const kept = await quarantined();
    expect(kept.map((pairs) => Number(pairs[1]))).toEqual(Array.from({ length: 600 }, (_, i) => i));
  });
});

describe('an entry that is no fault of its bot is applied:', () => {
  test.for<[what: string, pairs: readonly Text[]]>([
    ['exactly 64 KiB', [...anEntry(), 'note', sizedNote(65_536)]],
    ['the replacement character itself', [...anEntry({ flow: 'a\ufffdb' }), '\ufffd', '\ufffd']],
    ['10,000 pairs', [...manyPairs(9996), ...anEntry()]],
  ])('%s', async ([, pairs]) => {
    await runProjector(server.url);
    const id = await append(pairs);
    await whenProjected(redis, id);
    expect(await redis.hget(KEYS.execution('run-1'), 'lastEventId')).toBe(id);
    expect(await quarantined()).toEqual([]);
  });
});

test('of an entry that was deleted meanwhile the quarantine keeps that it was there', async () => {
  const id = await append(anEntry({ attempt: '0' }));
  const gone: Appended = { id, pairs: anEntry({ attempt: '0' }) };
  const last: Appended = { id: await append(anEntry()), pairs: anEntry() };
  await redis.xdel(KEYS.events, id);
  expect(await applyBatch(redis, [gone, last])).toBe(true);
  expect((await quarantined()).map(texts)).toEqual([tail('invalid_value', 'attempt', id)]);
});

function toBytes(text: Text): Buffer {
  return Buffer.from(text);
}

/** A value with which the first event and a field `note` have so many bytes. */
function sizedNote(bytes: number): string {
  return 'a'.repeat(bytes - Buffer.byteLength(['note', ...anEntry()].join('')));
}

function manyPairs(count: number): string[] {
  return Array.from({ length: count }, (_, i) => [`f${i % 7}`, 'x']).flat();
}
