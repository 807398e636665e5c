import { decodeEntry } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { anEntry, ENTRY_ID } from '../fixtures/events.ts';
import { useRedis } from '../fixtures/redis.ts';
import { appendEntries, applyBatch } from './batches.ts';

const server = useRedis();
let redis: Redis;

beforeEach(() => {
  redis = server.connect();
});

/** Events as a later version of the wire may have them, which this one cannot know. */
const UNKNOWN: readonly [what: string, pairs: readonly string[], reason: string, field: string][] =
  [
    ['a status that is new', anEntry({ status: 'blocked' }), 'invalid_value', 'status'],
    [
      'a status that is written otherwise',
      anEntry({ status: 'SUCCESS' }),
      'invalid_value',
      'status',
    ],
    [
      'an attempt that is no number any more',
      anEntry({ attempt: '2.1' }),
      'invalid_value',
      'attempt',
    ],
    [
      'links that have become objects',
      anEntry({ prLinks: '[{"url":"https://example.com/1","title":"One"}]' }),
      'invalid_value',
      'prLinks',
    ],
    [
      'an actor that has become a list',
      anEntry({ actor: '[{"provider":"slack","id":"U1"}]' }),
      'invalid_value',
      'actor',
    ],
    [
      'a visibility of another shape',
      anEntry({ visibility: '{"teams":["core"]}' }),
      'invalid_value',
      'visibility',
    ],
    [
      'a time in milliseconds',
      anEntry({ occurredAt: '1795211160000' }),
      'invalid_value',
      'occurredAt',
    ],
    [
      'the whole event in one field',
      ['v', '2', 'event', '{"executionId":"run-1","status":"queued"}'],
      'missing_field',
      'executionId',
    ],
    [
      'fields under other names',
      ['task', 'run-1', 'at', '2026-11-20T12:00:00Z', 'state', 'queued', 'repo', 'owner/repo'],
      'missing_field',
      'executionId',
    ],
  ];

describe('INV8: an event of a shape that is not known', () => {
  test.for(UNKNOWN)(
    'is quarantined whole, with the reason: %s',
    async ([, base, reason, field]) => {
      // With what that version may have added, which must not be lost either.
      const pairs = [...base, 'priority', 'high'];
      const [entry] = await appendEntries(redis, [pairs]);
      if (entry === undefined) throw new Error('nothing was appended');
      expect(await applyBatch(redis, [entry])).toBe(true);
      const [kept] = await redis.xrange(KEYS.quarantine, '-', '+');
      const detail = expect.stringMatching(/^\S/);
      const why = ['reason', reason, 'field', field, 'detail', detail, 'sourceId', entry.id];
      expect(kept?.[1]).toEqual([...pairs, ...why]);
      expect(await redis.exists(KEYS.execution('run-1'))).toBe(0);
      expect(await redis.hget(KEYS.projector, 'checkpoint')).toBe(entry.id);
    },
  );

  test('does not keep others from being applied, of the same task either', async () => {
    const appended = await appendEntries(redis, [
      anEntry(),
      anEntry({ status: 'blocked' }),
      anEntry({ status: 'success', occurredAt: '2026-11-20T12:00:05Z' }),
    ]);
    expect(await applyBatch(redis, appended)).toBe(true);
    expect(await redis.hget(KEYS.execution('run-1'), 'status')).toBe('success');
    expect(await redis.xlen(KEYS.quarantine)).toBe(1);
  });
});

describe('what is added to an event of a known shape', () => {
  test('as a field is ignored, and stays in the stream', async () => {
    const pairs = [...anEntry(), 'priority', 'high', 'schemaVersion', '2'];
    expect(decodeEntry(ENTRY_ID, pairs)).toEqual(decodeEntry(ENTRY_ID, anEntry()));
    const appended = await appendEntries(redis, [pairs]);
    await applyBatch(redis, appended);
    expect(await redis.hget(KEYS.execution('run-1'), 'status')).toBe('queued');
    expect(await redis.xlen(KEYS.quarantine)).toBe(0);
    expect((await redis.xrange(KEYS.events, '-', '+'))[0]?.[1]).toEqual(pairs);
  });

  test('within a nested value is ignored, too', () => {
    const actor = '{"provider":"slack","id":"U1","team":"core"}';
    const known = '{"provider":"slack","id":"U1"}';
    expect(decodeEntry(ENTRY_ID, anEntry({ actor }))).toEqual(
      decodeEntry(ENTRY_ID, anEntry({ actor: known })),
    );
  });
});
