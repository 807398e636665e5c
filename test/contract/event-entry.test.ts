import {
  type DecodedEntry,
  decodeEntry,
  encodeEntry,
  isTooLarge,
  MAX_ENTRY_BYTES,
  TaskChangeSchema,
  type TaskEvent,
  type TaskEventField,
  TaskEventSchema,
  type TaskItem,
} from '@tasktrail/contract';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { audienceOf } from '../../src/auth/visibility.ts';
import { anEntry, anEvent, arbitraryEvents, ENTRY_ID, idOf } from '../fixtures/events.ts';

/** Late enough for any `occurredAt`. */
const LATE_ID = idOf('253402300800000-0');

function decode(fields: Parameters<typeof anEntry>[0]): DecodedEntry {
  return decodeEntry(ENTRY_ID, anEntry(fields));
}

function problemOf(entry: DecodedEntry) {
  return entry.kind === 'invalid' ? entry.problem : undefined;
}

describe('the fields of an entry', () => {
  test.for(['executionId', 'occurredAt'] as const)('%s is always needed', (field) => {
    expect(problemOf(decode({ [field]: undefined }))).toEqual({
      reason: 'missing_field',
      field,
      detail: 'is required',
    });
  });

  test('all others may be absent, and then have no value', () => {
    const decoded = decode({ project: undefined, status: undefined });
    expect(decoded).toEqual({
      kind: 'event',
      event: { executionId: 'run-1', occurredAt: '2026-11-20T12:00:00.000Z' },
    });
  });

  test('the last one counts where one is repeated, also when it is empty', () => {
    const repeated = [...anEntry({ flow: 'a', status: 'error' }), 'flow', 'b', 'status', ''];
    expect(decodeEntry(ENTRY_ID, repeated)).toMatchObject({ event: { flow: 'b' } });
    expect(decodeEntry(ENTRY_ID, repeated)).not.toHaveProperty('event.status');
  });

  test('a valid one does not excuse the invalid one that comes last', () => {
    const repeated = [...anEntry({ attempt: '2' }), 'attempt', '0'];
    expect(problemOf(decodeEntry(ENTRY_ID, repeated))).toMatchObject({ field: 'attempt' });
  });

  test('an invalid one is forgotten where a valid one comes last', () => {
    const repeated = ['status', 'running', 'actor', '{', ...anEntry(), 'actor', ''];
    expect(decodeEntry(ENTRY_ID, repeated)).toEqual({
      kind: 'event',
      event: anEvent({ actor: null }),
    });
  });

  test('unknown ones are ignored, whatever they are called and hold', () => {
    const unknown = ['owner', 'ana', '__proto__', 'x', 'toString', '', 'STATUS', 'running'];
    const withControls = [...unknown, '', '\u0000', 'constructor', '{"a":1}'];
    expect(decodeEntry(ENTRY_ID, [...withControls, ...anEntry()])).toEqual({
      kind: 'event',
      event: anEvent(),
    });
  });

  test('JSON names that every object has do nothing', () => {
    const decoded = decode({ actor: '{"provider":"slack","id":"U1","__proto__":{"admin":true}}' });
    expect(decoded).toMatchObject({ event: { actor: { provider: 'slack', id: 'U1' } } });
    expect(decoded).not.toHaveProperty('event.actor.admin');
  });

  test('JSON nested 20,000 deep is invalid and breaks nothing', () => {
    const deep = '['.repeat(20_000) + ']'.repeat(20_000);
    for (const field of ['actor', 'prLinks', 'visibility'] as const) {
      expect(problemOf(decode({ [field]: deep }))).toMatchObject({ field });
    }
  });

  test('with two faults the one that is reported does not change from run to run', () => {
    const twoFaults = { status: 'running', flow: 'a\nb' };
    expect(problemOf(decode(twoFaults))).toEqual(problemOf(decode(twoFaults)));
  });
});

describe('control characters', () => {
  const C0 = Array.from({ length: 0x20 }, (_, i) => i);
  const DEL_AND_C1 = Array.from({ length: 0x21 }, (_, i) => 0x7f + i);
  const CONTROLS = [...C0, ...DEL_AND_C1].map((code) => String.fromCharCode(code));

  const TEXTS: readonly TaskEventField[] = [
    ...(['executionId', 'occurredAt', 'project', 'status', 'taskName'] as const),
    ...(['flow', 'attempt', 'eventId'] as const),
  ];

  /** Texts inside JSON, where a control character can be written as an escape. */
  const JSON_TEXTS: Readonly<Record<string, (text: string) => Partial<Record<string, string>>>> = {
    'actor.provider': (text) => ({ actor: JSON.stringify({ provider: text, id: 'U1' }) }),
    'actor.id': (text) => ({ actor: JSON.stringify({ provider: 'slack', id: text }) }),
    'actor.displayName': (text) => ({
      actor: JSON.stringify({ provider: 'slack', id: 'U1', displayName: text }),
    }),
    'prLinks.0': (text) => ({ prLinks: JSON.stringify([`https://example.com/${text}`]) }),
    'visibility.responsibleUsers.0': (text) => ({
      visibility: JSON.stringify({ responsibleUsers: [`slack:${text}`] }),
    }),
  };

  test.for(TEXTS)('are invalid in %s', (field) => {
    const valid = Object.fromEntries(pairsOf(anEntry({ attempt: '1', eventId: 'e', flow: 'f' })));
    for (const control of CONTROLS) {
      const text = `${valid[field] ?? 'a'}${control}`;
      expect(problemOf(decode({ [field]: text })), JSON.stringify(text)).toMatchObject({ field });
    }
  });

  test('are invalid in message, but for newline and tab', () => {
    for (const control of CONTROLS) {
      const isFine = control === '\n' || control === '\t';
      const decoded = decode({ message: `a${control}b` });
      expect(decoded.kind, JSON.stringify(control)).toBe(isFine ? 'event' : 'invalid');
    }
  });

  test.for(Object.entries(JSON_TEXTS))('are invalid as escapes in %s', ([path, fieldsWith]) => {
    expect(decode(fieldsWith('ab')).kind).toBe('event');
    for (const control of CONTROLS) {
      const escaped = `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`;
      const fields = fieldsWith('a@b');
      for (const [field, json] of Object.entries(fields)) {
        const decoded = decode({ [field]: json?.replace('@', escaped) });
        expect(problemOf(decoded), path + escaped).toMatchObject({ field });
      }
    }
  });

  test.for(['actor', 'prLinks', 'visibility'] as const)(
    'are invalid between the parts of the JSON of %s',
    (field) => {
      const json = {
        actor: '{"provider":"slack",@"id":"U1"}',
        prLinks: '[@"https://example.com/"]',
        visibility: '{"responsibleUsers":@[]}',
      }[field];
      expect(decode({ [field]: json.replace('@', ' ') }).kind).toBe('event');
      for (const control of CONTROLS) {
        expect(problemOf(decode({ [field]: json.replace('@', control) }))).toMatchObject({ field });
      }
    },
  );
});

describe('the size of an entry', () => {
  const rest = anEntry();
  const restBytes = Buffer.byteLength(rest.join(''));
  /** An unknown field, since it counts as well. */
  const sized = (unit: string, bytes: number) => {
    const room = bytes - restBytes - 'note'.length;
    const text = unit.repeat(Math.floor(room / Buffer.byteLength(unit)));
    return [...rest, 'note', text.padEnd(text.length + room - Buffer.byteLength(text), '.')];
  };

  test.for([
    ['one byte', 'a'],
    ['two bytes', 'ä'],
    ['three bytes', '漢'],
    ['four bytes', '😀'],
  ] as const)('is 64 KiB at most, in characters of %s', ([, unit]) => {
    const largest = sized(unit, MAX_ENTRY_BYTES);
    expect(Buffer.byteLength(largest.join(''))).toBe(64 * 1024);
    expect(isTooLarge(largest)).toBe(false);
    expect(decodeEntry(ENTRY_ID, largest).kind).toBe('event');
    const over = [...largest, '', '.'];
    expect(isTooLarge(over)).toBe(true);
    expect(problemOf(decodeEntry(ENTRY_ID, over))).toMatchObject({
      reason: 'entry_too_large',
      field: '',
    });
  });

  test('counts the names of the fields', () => {
    expect(isTooLarge(['a'.repeat(MAX_ENTRY_BYTES), ''])).toBe(false);
    expect(isTooLarge(['a'.repeat(MAX_ENTRY_BYTES), 'b'])).toBe(true);
  });

  test('counts fields that are overridden by a later one', () => {
    const overridden = ['message', 'a'.repeat(MAX_ENTRY_BYTES), ...anEntry({ message: 'short' })];
    expect(problemOf(decodeEntry(ENTRY_ID, overridden))).toMatchObject({
      reason: 'entry_too_large',
    });
  });

  test('is that of its UTF-8 bytes', () => {
    const texts = fc.string({ unit: 'binary', maxLength: 20 });
    const repeats = fc.integer({ min: 1, max: 8000 });
    fc.assert(
      fc.property(fc.array(texts, { minLength: 2, maxLength: 4 }), repeats, (parts, count) => {
        const pairs = parts.map((part) => part.repeat(count));
        expect(isTooLarge(pairs)).toBe(
          Buffer.byteLength(pairs.join(' ')) - pairs.length + 1 > 65_536,
        );
      }),
    );
  });
});

describe('an event', () => {
  test('that is written as an entry is read as the same event', () => {
    fc.assert(
      fc.property(arbitraryEvents, (event) => {
        expect(decodeEntry(LATE_ID, encodeEntry(event))).toEqual({ kind: 'event', event });
      }),
      { numRuns: 500 },
    );
  });

  test('is written with each field once, and only those that it has', () => {
    fc.assert(
      fc.property(arbitraryEvents, (event) => {
        const names = pairsOf(encodeEntry(event)).map(([name]) => name);
        expect(names.sort()).toEqual(Object.keys(event).sort());
      }),
    );
  });

  test('states nothing that readers of the change would refuse', () => {
    fc.assert(
      fc.property(arbitraryEvents, (event) => {
        const change = { item: itemOf(event), previous: previousOf(event) };
        expect(TaskChangeSchema.parse(JSON.parse(JSON.stringify(change)))).toEqual(change);
      }),
      { numRuns: 500 },
    );
  });

  test.for(['taskName', 'flow', 'message'] as const)(
    'clears %s with null or an empty text alike',
    (field) => {
      expect(TaskEventSchema.parse(anEvent({ [field]: '' }))).toEqual(anEvent({ [field]: null }));
      expect(decode({ [field]: '' })).toEqual({ kind: 'event', event: anEvent({ [field]: null }) });
    },
  );
});

function itemOf(event: TaskEvent): TaskItem {
  return {
    executionId: event.executionId,
    taskName: event.taskName ?? event.executionId,
    status: event.status ?? 'queued',
    project: event.project ?? 'owner/repo',
    occurredAt: event.occurredAt,
    flow: event.flow ?? null,
    actor: event.actor ?? null,
    prLinks: event.prLinks ?? [],
    visibility: event.visibility ?? { responsibleUsers: [] },
    lastEventId: LATE_ID,
    createdAt: event.occurredAt,
    startedAt: event.occurredAt,
    finishedAt: null,
    attempt: event.attempt ?? 1,
    message: event.message ?? null,
  };
}

function previousOf(event: TaskEvent) {
  return { status: event.status ?? 'queued', audience: [...audienceOf(itemOf(event))] } as const;
}

function pairsOf(flat: readonly string[]): [string, string][] {
  return flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1] as string]] : []));
}
