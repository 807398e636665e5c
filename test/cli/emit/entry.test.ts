import { describe, expect, test } from 'vitest';
import { eventIdOfLine, prepareEvent, prepareLine } from '../../../src/cli/emit/entry.ts';
import { digestOf } from '../../../src/redis/append-once.ts';
import { KEYS } from '../../../src/redis/keys.ts';
import { eventLine } from './emitting.ts';

const AT = Date.parse('2026-11-20T12:00:00Z');
const ORIGIN = { name: 'events.ndjson', number: 7 };

function prepare(text: string, origin = ORIGIN) {
  const prepared = prepareLine(text, origin, AT, KEYS);
  if (prepared?.kind !== 'entry') return prepared?.problem;
  const { pairs, records } = prepared.entry;
  const fields = Object.fromEntries(
    pairs.flatMap((name, i) => (i % 2 === 0 ? [[name, pairs[i + 1] ?? '']] : [])),
  );
  return { fields, records, bytes: prepared.bytes };
}

function fieldsOf(text: string, origin = ORIGIN): Record<string, string> {
  const prepared = prepare(text, origin);
  if (typeof prepared !== 'object') throw new Error(`no entry: ${prepared}`);
  return prepared.fields;
}

describe('a line', () => {
  test('becomes an entry that is remembered for 24 h by its execution and eventId', () => {
    expect(prepare(eventLine('run-1', { eventId: 'e-1' }))).toEqual({
      fields: {
        executionId: 'run-1',
        occurredAt: '2026-11-20T12:00:00.000Z',
        project: 'acme/app',
        status: 'queued',
        eventId: 'e-1',
      },
      records: [{ key: KEYS.intake.record(digestOf('emit', 'run-1', 'e-1')), keepSeconds: 86_400 }],
      bytes: 87,
    });
  });

  test('keeps the time that it states', () => {
    const { occurredAt } = fieldsOf(
      eventLine('run-1', { occurredAt: '2026-11-20T09:00:00-03:00' }),
    );
    expect(occurredAt).toBe('2026-11-20T12:00:00.000Z');
  });

  test('may have the line ends of Windows in its message', () => {
    expect(fieldsOf(eventLine('run-1', { message: 'a\r\nb' })).message).toBe('a\nb');
  });

  test.for([
    ['nonsense', 'is no JSON object'],
    ['"text"', 'is no JSON object'],
    ['null', 'is no JSON object'],
    ['[]', 'is no JSON object'],
    ['{"executionId":', 'is no JSON object'],
    ['{}', 'executionId: is required'],
    [eventLine('run 1'), /^executionId: must be 1 to 200 printable/],
    [eventLine('run-1', { status: 'done' }), /^status: /],
    [eventLine('run-1', { eventId: 5 }), /^eventId: /],
    [
      eventLine('run-1', { actor: { provider: 'a b', id: '1' } }),
      /^actor: provider: must be a name/,
    ],
    [eventLine('run-1', { message: 'a\rb' }), /^message: must not contain control/],
    [
      eventLine('run-1', { occurredAt: '2026-11-21T12:00:01Z' }),
      /^occurredAt: must be at most 24 h/,
    ],
  ] as const)('%s is refused by the rules of the stream', ([text, problem]) => {
    expect(prepare(text)).toEqual(
      typeof problem === 'string' ? problem : expect.stringMatching(problem),
    );
  });

  test('is refused when its entry would be larger than 64 KiB', () => {
    const prLinks = Array(50).fill(`https://a.example/${'x'.repeat(1400)}`);
    expect(prepare(eventLine('run-1', { prLinks }))).toBe('an entry is at most 65536 bytes');
  });

  test.for(['', '  ', '\t'])('%j is none', (text) => {
    expect(prepareLine(text, ORIGIN, AT, KEYS)).toBeUndefined();
  });
});

describe('the eventId of a line that states none', () => {
  const text = eventLine('run-1');

  test.for([undefined, null, ''])('%j comes from the line', (eventId) => {
    const line = eventLine('run-1', { eventId });
    expect(fieldsOf(line).eventId).toBe(eventIdOfLine(line, ORIGIN));
  });

  test('is the same each time, whenever that is', () => {
    const first = prepareLine(text, ORIGIN, AT, KEYS);
    const second = prepareLine(text, ORIGIN, AT + 1000, KEYS);
    expect(first).toMatchObject({ kind: 'entry' });
    expect(second).toMatchObject({
      entry: { records: first?.kind === 'entry' && first.entry.records },
    });
    expect(fieldsOf(text).eventId).toMatch(/^emit-[\w-]{43}$/);
  });

  test('differs with the name of the input, the number of the line and its text', () => {
    const ids = [
      fieldsOf(text),
      fieldsOf(text, { ...ORIGIN, name: 'other.ndjson' }),
      fieldsOf(text, { ...ORIGIN, number: 8 }),
      fieldsOf(`${text} `),
    ].map(({ eventId }) => eventId);
    expect(new Set(ids).size).toBe(4);
  });
});

test('an event of flags takes a random eventId only when it states none', () => {
  const event = { executionId: 'run-1', status: 'queued' };
  const pairsOf = (fields: Record<string, unknown>) => {
    const prepared = prepareEvent(fields, () => 'random', AT, KEYS);
    return prepared.kind === 'entry' ? prepared.entry.pairs : prepared.problem;
  };
  expect(pairsOf(event)).toContain('random');
  expect(pairsOf({ ...event, eventId: 'mine' })).toContain('mine');
});
