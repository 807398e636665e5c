import { decodeEntry, TaskEventSchema } from '@tasktrail/contract';
import { describe, expect, test } from 'vitest';
import { anEntry, ENTRY_ID } from '../fixtures/events.ts';
import { FIELD_RULES } from './field-rules.ts';

describe.for(FIELD_RULES)('$field', ({ field, valid, invalid }) => {
  test.for(valid)('may be %s', (row) => {
    const [, text] = row;
    const value = row.length < 3 ? text : row[2];
    const decoded = decodeEntry(ENTRY_ID, anEntry({ [field]: text }));
    expect(decoded).toMatchObject({ kind: 'event' });
    if (decoded.kind === 'event') expect(decoded.event[field]).toEqual(value);
  });

  test.for(invalid)('must not be %s', ([, text]) => {
    expect(decodeEntry(ENTRY_ID, anEntry({ [field]: text }))).toEqual({
      kind: 'invalid',
      problem: { reason: 'invalid_value', field, detail: expect.stringMatching(/must|expected/) },
    });
  });
});

test('every field of an event but occurredAt is tested here', () => {
  const { occurredAt: _, ...others } = TaskEventSchema.shape;
  expect(FIELD_RULES.map(({ field }) => field).sort()).toEqual(Object.keys(others).sort());
});
