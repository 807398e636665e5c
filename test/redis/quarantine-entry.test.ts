import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeQuarantineEntry,
  encodeParkedWebhook,
  lastValueOf,
  originOf,
  pairsBeforeReplay,
  QUARANTINE_REASONS,
} from '../../src/redis/quarantine-entry.ts';
import { idOf } from '../fixtures/events.ts';

const ID = idOf('20-0');
const SOURCE = '10-0';

function bytes(...texts: readonly (string | Buffer)[]): Buffer[] {
  return texts.map((text) => Buffer.from(text));
}

function tail(reason: string, source = SOURCE): string[] {
  return ['reason', reason, 'field', 'status', 'detail', 'is wrong', 'sourceId', source];
}

describe('an event', () => {
  test('is its pairs, whatever they are called, and what follows them', () => {
    const pairs = bytes('reason', 'x', 'sourceId', 'y', 'status', 'a');
    const entry = decodeQuarantineEntry(ID, [...pairs, ...bytes(...tail('invalid_value'))]);
    expect(entry).toEqual({
      kind: 'event',
      id: ID,
      reason: 'invalid_value',
      field: 'status',
      detail: 'is wrong',
      sourceId: SOURCE,
      pairs,
      cuts: new Map(),
    });
  });

  test('keeps bytes that are no text', () => {
    const pairs = bytes('message', Buffer.from([0xff, 0x00, 0x61]));
    const entry = decodeQuarantineEntry(ID, [...pairs, ...bytes(...tail('not_utf8'))]);
    expect(entry.pairs).toEqual(pairs);
  });

  test('of more than 3,500 pairs is taken out of its array, byte by byte', () => {
    const texts = Array.from({ length: 7002 }, (_, i) => `f${i}`);
    texts[7001] = '\u00ff\u0000"';
    const array = Buffer.from(JSON.stringify(texts), 'latin1');
    const packed = [Buffer.from('entry'), array];
    const entry = decodeQuarantineEntry(ID, [...packed, ...bytes(...tail('missing_field'))]);
    expect(entry.pairs).toHaveLength(7002);
    expect(entry.pairs[7001]).toEqual(Buffer.from([0xff, 0x00, 0x22]));
  });

  test.for([
    ['a field of that name', ['entry', 'x']],
    ['an array that is no such entry', ['entry', '["a","b"]']],
    ['further fields', ['entry', '[]', 'status', 'a']],
  ] as const)('with %s is not taken for an array', ([, pairs]) => {
    const kept = bytes(...pairs);
    const entry = decodeQuarantineEntry(ID, [...kept, ...bytes(...tail('missing_field'))]);
    expect(entry.pairs).toEqual(kept);
  });

  test('that was gone when it was quarantined has no pairs', () => {
    const entry = decodeQuarantineEntry(ID, bytes(...tail('invalid_value')));
    expect(entry).toMatchObject({ kind: 'event', pairs: [] });
  });
});

describe('the origin of an event', () => {
  function replayed(former: string) {
    const pairs = ['status', 'a', 'sourceId', former];
    return decodeQuarantineEntry(ID, bytes(...pairs, ...tail('invalid_value')));
  }

  test('is the event itself', () => {
    const entry = decodeQuarantineEntry(ID, bytes('status', 'a', ...tail('invalid_value')));
    expect(originOf(entry)).toBe(SOURCE);
    expect(pairsBeforeReplay(entry)).toEqual(bytes('status', 'a'));
  });

  test('is the first one where it was replayed before', () => {
    const entry = replayed('9-5');
    expect(originOf(entry)).toBe('9-5');
    expect(pairsBeforeReplay(entry)).toEqual(bytes('status', 'a'));
  });

  test.for(['10-0', '11-0', 'x', ''])('is not what a bot calls sourceId: %j', (own) => {
    const entry = replayed(own);
    expect(originOf(entry)).toBe(SOURCE);
    expect(pairsBeforeReplay(entry)).toEqual(bytes('status', 'a', 'sourceId', own));
  });
});

describe('a webhook', () => {
  const pairs = ['webhook', 'github', 'name', 'check_run', 'delivery', 'd-1', 'payload', '{}'];

  test('is told by its reason', () => {
    const entry = decodeQuarantineEntry(ID, bytes(...pairs, ...tail('unmapped_payload', '')));
    expect(entry).toMatchObject({
      kind: 'webhook',
      forge: 'github',
      name: 'check_run',
      delivery: 'd-1',
      payload: '{}',
    });
    expect(originOf(entry)).toBe(ID);
  });

  test('is not an event with such fields', () => {
    const entry = decodeQuarantineEntry(ID, bytes(...pairs, ...tail('missing_field')));
    expect(entry.kind).toBe('event');
  });
});

test.for([
  ['nothing', []],
  ['other fields', ['a', 'b']],
  ['a tail in another order', [...tail('invalid_value').slice(2), 'reason', 'x']],
  ['a source that is no id', tail('invalid_value', 'soon')],
  ['a webhook without payload', ['webhook', 'github', ...tail('unmapped_payload', '')]],
] as const)('%s is foreign', ([, texts]) => {
  expect(decodeQuarantineEntry(ID, bytes(...texts)).kind).toBe('foreign');
});

test('of a repeated field the last value counts', () => {
  expect(lastValueOf(bytes('a', '1', 'b', '2', 'a', '3'), 'a')).toBe('3');
  expect(lastValueOf(bytes('a', 'b'), 'b')).toBeUndefined();
});

test('a webhook has a reason of its own among the known ones', () => {
  expect(QUARANTINE_REASONS).toContain('unmapped_payload');
  expect(QUARANTINE_REASONS).toContain('not_utf8');
});

test('a webhook that is kept is read again as it was', () => {
  const text = fc.string({ unit: 'grapheme' });
  const webhook = fc.record({
    forge: fc.constantFrom('github', 'gitea'),
    name: text,
    delivery: text,
    payload: fc.json(),
    field: text,
    detail: text,
  });
  fc.assert(
    fc.property(webhook, (parked) => {
      const entry = decodeQuarantineEntry(ID, bytes(...encodeParkedWebhook(parked)));
      expect(entry).toMatchObject({ ...parked, kind: 'webhook', reason: 'unmapped_payload' });
    }),
  );
});
