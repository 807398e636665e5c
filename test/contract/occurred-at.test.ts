import { type DecodedEntry, decodeEntry, TaskItemSchema } from '@tasktrail/contract';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anEntry, ENTRY_ID, idOf } from '../fixtures/events.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

function decodeTime(occurredAt: string, id = ENTRY_ID): DecodedEntry {
  return decodeEntry(id, anEntry({ occurredAt }));
}

describe('occurredAt', () => {
  test.for([
    ['2026-11-20T12:00:00Z', '2026-11-20T12:00:00.000Z'],
    ['2026-11-20T12:00:00.5Z', '2026-11-20T12:00:00.500Z'],
    ['2026-11-20T12:00:00,5Z', '2026-11-20T12:00:00.500Z'],
    ['2026-11-20T12:00:00.9999999Z', '2026-11-20T12:00:00.999Z'],
    ['2026-11-20T12:00Z', '2026-11-20T12:00:00.000Z'],
    ['2026-11-20T12:00:00+00:00', '2026-11-20T12:00:00.000Z'],
    ['2026-11-20T12:00:00-00:00', '2026-11-20T12:00:00.000Z'],
    ['2026-11-20T12:00:00+05:30', '2026-11-20T06:30:00.000Z'],
    ['2026-11-20T12:00:00-0330', '2026-11-20T15:30:00.000Z'],
    ['2026-11-20T12:00:00+02', '2026-11-20T10:00:00.000Z'],
    ['2026-11-01T00:30:00+01:00', '2026-10-31T23:30:00.000Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['2000-02-29T23:59:59.999Z', '2000-02-29T23:59:59.999Z'],
    ['0000-01-01T00:00:00Z', '0000-01-01T00:00:00.000Z'],
    ['0099-12-31T00:00:00Z', '0099-12-31T00:00:00.000Z'],
  ] as const)('%s is read as %s', ([text, utc]) => {
    expect(decodeTime(text)).toMatchObject({ kind: 'event', event: { occurredAt: utc } });
  });

  test.for([
    ['', 'nothing'],
    ['2026-11-20T12:00:00', 'no zone: whose noon is it?'],
    ['2026-11-20', 'no time'],
    ['2026-11-20 12:00:00Z', 'a space instead of T'],
    ['2026-11-20t12:00:00z', 'small letters'],
    ['2026-02-30T12:00:00Z', 'a day that February never has'],
    ['2026-02-29T12:00:00Z', 'a day that February does not have that year'],
    ['1900-02-29T12:00:00Z', 'a century that is no leap year'],
    ['2026-13-01T00:00:00Z', 'a thirteenth month'],
    ['2026-00-01T00:00:00Z', 'month zero'],
    ['2026-11-00T00:00:00Z', 'day zero'],
    ['2026-11-20T24:00:00Z', 'hour 24'],
    ['2026-11-20T12:60:00Z', 'minute 60'],
    ['2026-11-20T12:00:60Z', 'a leap second'],
    ['2026-11-20T12:00:00.Z', 'a point without fraction'],
    ['2026-11-20T12:00:00+24:00', 'an offset of a day'],
    ['2026-11-20T12:00:00+05:60', 'an offset with 60 minutes'],
    ['2026-11-20T12:00:00 Z', 'a space before the zone'],
    ['2026-11-20T12:00:00Z\n', 'a newline after it'],
    ['0000-01-01T00:00:00+01:00', 'a year before 0 in UTC'],
    ['+12026-11-20T12:00:00Z', 'a year of five digits'],
    ['1795211160000', 'milliseconds'],
    ['Fri, 20 Nov 2026 12:00:00 GMT', 'an e-mail’s date'],
  ] as const)('%j is invalid: %s', ([text]) => {
    expect(decodeTime(text)).toMatchObject({
      kind: 'invalid',
      problem: { reason: 'invalid_value', field: 'occurredAt' },
    });
  });

  test('is invalid when it is in year 10000 in UTC', () => {
    const id = idOf('253402300800000-0');
    expect(decodeTime('9999-12-31T23:30:00-01:00', id).kind).toBe('invalid');
    expect(decodeTime('9999-12-31T23:59:59.999Z', id).kind).toBe('event');
  });

  test('may be 24 hours after the time of the entry’s id, and no millisecond more', () => {
    const id = idOf('1795211160000-7');
    const latest = 1_795_211_160_000 + DAY_MS;
    expect(decodeTime(new Date(latest).toISOString(), id).kind).toBe('event');
    expect(decodeTime(new Date(latest + 1).toISOString(), id)).toMatchObject({
      kind: 'invalid',
      problem: { reason: 'occurred_too_late', field: 'occurredAt' },
    });
  });

  test('counts as the same moment whatever its offset, also towards the 24 hours', () => {
    const moments = fc.date({
      min: new Date('0001-01-01T00:00:00Z'),
      max: new Date('9998-12-31T00:00:00Z'),
      noInvalidDate: true,
    });
    const offsets = fc.integer({ min: -(23 * 60 + 59), max: 23 * 60 + 59 });
    fc.assert(
      fc.property(moments, offsets, (moment, offset) => {
        const id = idOf(`${Math.max(0, moment.getTime() - DAY_MS)}-0`);
        const decoded = decodeTime(withOffset(moment, offset), id);
        expect(decoded).toMatchObject({
          kind: 'event',
          event: { occurredAt: moment.toISOString() },
        });
        expect(TaskItemSchema.shape.occurredAt.safeParse(moment.toISOString()).success).toBe(true);
      }),
    );
  });
});

function withOffset(moment: Date, minutes: number): string {
  const local = new Date(moment.getTime() + minutes * 60_000).toISOString().replace('Z', '');
  const pad = (n: number) => String(n).padStart(2, '0');
  const sign = minutes < 0 ? '-' : '+';
  const size = Math.abs(minutes);
  return `${local}${sign}${pad(Math.floor(size / 60))}:${pad(size % 60)}`;
}
