import {
  type DecodedEntry,
  decodeEntry,
  encodeEntry,
  judgeEvent,
  MAX_ENTRY_BYTES,
  type TaskEventField,
} from '@tasktrail/contract';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anEntry, anEvent, arbitraryEvents, idOf } from '../fixtures/events.ts';
import { FIELD_RULES } from './field-rules.ts';

const AT_MS = Date.parse('2026-11-20T12:00:00Z');
const ID = idOf(`${AT_MS}-0`);
/** Late enough for any `occurredAt`. */
const LATE_MS = 253_402_300_800_000;

function problemOf(judged: DecodedEntry) {
  return judged.kind === 'invalid' ? judged.problem : undefined;
}

/** Nested values are texts in an entry, and values in an event that comes as JSON. */
const NESTED: readonly TaskEventField[] = ['actor', 'prLinks', 'visibility'];

describe.for(FIELD_RULES)('$field as JSON', ({ field, valid, invalid }) => {
  // A number is no text of JSON, and a nested value is cleared by no array but its own.
  const asJson = (text: string): unknown => {
    if (text === '') return '';
    if (field === 'attempt') return Number(text);
    return NESTED.includes(field) ? JSON.parse(text) : text;
  };
  const isJson = (text: string) => {
    if (field === 'attempt') return /^-?\d+(\.\d+)?$/.test(text) && String(Number(text)) === text;
    if (!NESTED.includes(field)) return true;
    return text === '' || (text.startsWith(field === 'prLinks' ? '[' : '{') && canParse(text));
  };

  test.for(valid.filter(([, text]) => isJson(text)))('may be %s, as in an entry', ([, text]) => {
    const judged = judgeEvent({ ...anEvent(), [field]: asJson(text) }, AT_MS);
    expect(judged).toEqual(decodeEntry(ID, anEntry({ [field]: text })));
    expect(judged.kind).toBe('event');
  });

  test.for(invalid.filter(([, text]) => isJson(text)))('must not be %s', ([, text]) => {
    const problem = problemOf(judgeEvent({ ...anEvent(), [field]: asJson(text) }, AT_MS));
    expect(problem).toMatchObject({ reason: 'invalid_value', field });
    expect(problem?.detail).toMatch(/must|expected/);
  });

  test.for([7, true, { a: 1 }, [['x']]])('must not be of another type: %j', (value) => {
    if (field === 'attempt' && value === 7) return;
    const judged = judgeEvent({ ...anEvent(), [field]: value }, AT_MS);
    expect(problemOf(judged)).toMatchObject({ reason: 'invalid_value', field });
  });
});

function canParse(text: string): boolean {
  try {
    return JSON.parse(text) !== undefined;
  } catch {
    return false;
  }
}

describe('an event as JSON', () => {
  test.for([undefined, null, 'text', 7, true, [], [anEvent()]])('is no %j', (value) => {
    expect(problemOf(judgeEvent(value, AT_MS))).toEqual({
      reason: 'invalid_value',
      field: '',
      detail: 'an event must be a JSON object',
    });
  });

  test.for(['executionId', 'occurredAt'] as const)('always needs %s', (field) => {
    const { [field]: _, ...others } = anEvent();
    expect(problemOf(judgeEvent(others, AT_MS))).toMatchObject({ reason: 'missing_field', field });
  });

  test.for(['executionId', 'occurredAt'] as const)('needs a %s that is not empty', (field) => {
    const judged = judgeEvent({ ...anEvent(), [field]: '' }, AT_MS);
    expect(problemOf(judged)).toMatchObject({ reason: 'invalid_value', field });
  });

  test.for(['taskName', 'flow', 'message', 'actor', 'visibility'] as const)(
    'clears %s with null',
    (field) => {
      const judged = judgeEvent({ ...anEvent(), [field]: null }, AT_MS);
      expect(judged).toEqual(decodeEntry(ID, anEntry({ [field]: '' })));
    },
  );

  test('may have unknown fields, whatever they are called and hold', () => {
    const unknown = JSON.parse('{"__proto__":{"status":"error"},"constructor":1,"x":{"y":[]}}');
    const judged = judgeEvent({ ...unknown, ...anEvent() }, AT_MS);
    expect(judged).toEqual({ kind: 'event', event: anEvent() });
    const withProto = JSON.parse(`{"__proto__":${JSON.stringify(anEvent())}}`);
    expect(problemOf(judgeEvent(withProto, AT_MS))?.reason).toBe('missing_field');
  });

  test('may be ahead by 24 h of when it is appended, and no more', () => {
    const at = (ms: number) => judgeEvent({ ...anEvent(), occurredAt: iso(AT_MS + ms) }, AT_MS);
    expect(at(86_400_000).kind).toBe('event');
    expect(problemOf(at(86_400_001))).toMatchObject({
      reason: 'occurred_too_late',
      field: 'occurredAt',
    });
  });

  test('takes 64 KiB as an entry, however long it is as JSON', () => {
    const link = (length: number) => 'https://example.com/'.padEnd(length, 'a');
    const links = (length: number) => ({ ...anEvent(), prLinks: [link(length)] });
    const rest = Buffer.byteLength(encodeEntry({ ...anEvent(), prLinks: [''] }).join(''));
    expect(judgeEvent(links(MAX_ENTRY_BYTES - rest), AT_MS).kind).toBe('event');
    const over = judgeEvent(links(MAX_ENTRY_BYTES - rest + 1), AT_MS);
    expect(problemOf(over)).toMatchObject({ reason: 'entry_too_large', field: '' });
    const unknown = { ...anEvent(), note: 'x'.repeat(2 * MAX_ENTRY_BYTES) };
    expect(judgeEvent(unknown, AT_MS).kind).toBe('event');
  });

  test('is judged however deep it is nested', () => {
    const deep = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000));
    for (const { field } of FIELD_RULES) {
      const judged = judgeEvent({ ...anEvent(), [field]: deep }, AT_MS);
      expect(problemOf(judged)).toMatchObject({ reason: 'invalid_value', field });
    }
    expect(judgeEvent({ ...anEvent(), unknown: deep }, AT_MS).kind).toBe('event');
  });
});

describe('what passes', () => {
  test('is read as the same event once it is an entry', () => {
    fc.assert(
      fc.property(arbitraryEvents, (event) => {
        const judged = judgeEvent(JSON.parse(JSON.stringify(event)), LATE_MS);
        expect(judged).toEqual({ kind: 'event', event });
        const lateId = idOf(`${LATE_MS}-0`);
        expect(decodeEntry(lateId, encodeEntry(event))).toEqual(judged);
      }),
    );
  });

  test('among any values of JSON is applied, and nothing breaks it', () => {
    const names = [...FIELD_RULES.map(({ field }) => field), 'occurredAt'];
    const values = fc.oneof(fc.jsonValue(), fc.constantFrom('', null, [], {}, 1, 'a/b', 'queued'));
    const anything = fc.dictionary(fc.constantFrom(...names), values, { noNullPrototype: true });
    fc.assert(
      fc.property(anything, (given) => {
        const judged = judgeEvent({ ...anEvent(), ...given }, AT_MS);
        if (judged.kind === 'invalid') return;
        expect(decodeEntry(ID, encodeEntry(judged.event))).toEqual(judged);
      }),
      { numRuns: 500 },
    );
  });
});

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

test.for(['project', 'status', 'attempt', 'eventId', 'taskName', 'flow', 'message'] as const)(
  'a null %s is an empty text',
  (field) => {
    const event = { executionId: 'run-1', occurredAt: '2026-11-20T12:00:00Z' };
    const atMs = Date.UTC(2026, 10, 20, 12);
    const ofNull = judgeEvent({ ...event, [field]: null }, atMs);
    expect(ofNull.kind).toBe('event');
    expect(ofNull).toEqual(judgeEvent({ ...event, [field]: '' }, atMs));
  },
);

test('null clears links, creator and visibility', () => {
  const event = { executionId: 'run-1', occurredAt: '2026-11-20T12:00:00Z' };
  const nulls = { prLinks: null, actor: null, visibility: null };
  expect(judgeEvent({ ...event, ...nulls }, Date.UTC(2026, 10, 20, 12))).toMatchObject({
    event: { prLinks: [], actor: null, visibility: null },
  });
});
