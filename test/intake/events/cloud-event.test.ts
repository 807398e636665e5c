import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readCloudEvent } from '../../../src/intake/events/cloud-event.ts';
import { anEvent } from '../../fixtures/events.ts';

const ATTRIBUTES = {
  specversion: '1.0',
  id: 'A234-1234-1234',
  source: '/mycontext',
  type: 'com.example.someevent',
} as const;

function read(fields: object = {}) {
  return readCloudEvent({ ...ATTRIBUTES, data: anEvent(), ...fields });
}

function eventOf(fields?: object): Record<string, unknown> {
  const item = read(fields);
  if (item.kind === 'refused') throw new Error(JSON.stringify(item.refusal));
  return item.value as Record<string, unknown>;
}

function refusalOf(fields: object) {
  const item = read(fields);
  return item.kind === 'refused' ? item.refusal : undefined;
}

const base64 = (text: string | Uint8Array) => Buffer.from(text).toString('base64');

describe('the attributes of a CloudEvent', () => {
  test.for(['specversion', 'id', 'source', 'type'])('must have %s', (field) => {
    for (const unset of [undefined, null]) {
      expect(refusalOf({ [field]: unset })).toEqual({
        field,
        reason: 'missing_field',
        detail: 'is required of a CloudEvent',
      });
    }
    for (const value of ['', 1, {}, ['1.0']]) {
      expect(refusalOf({ [field]: value })).toMatchObject({ field, reason: 'invalid_value' });
    }
  });

  test.for(['0.3', '1', '1.0.2', '2.0'])('must not be of version %s', (specversion) => {
    expect(refusalOf({ specversion })).toEqual({
      field: 'specversion',
      reason: 'invalid_value',
      detail: 'must be "1.0"',
    });
  });

  test.for(['subject', 'time', 'datacontenttype'])('may leave out %s, or have a text', (field) => {
    expect(eventOf({ [field]: null })).toEqual(eventOf());
    for (const value of ['', 7, {}]) {
      expect(refusalOf({ [field]: value })).toMatchObject({ field, reason: 'invalid_value' });
    }
  });

  test('that are extensions are ignored, whatever they are called and hold', () => {
    const extensions = { traceparent: '00-1', dataschema: 7, Odd_Name: [], status: 'error' };
    expect(eventOf(extensions)).toEqual(eventOf());
  });

  test.for([null, 1, 'text', [ATTRIBUTES]])('are not those of %j', (value) => {
    expect(readCloudEvent(value)).toMatchObject({
      refusal: { field: '', reason: 'invalid_value' },
    });
  });
});

describe('data', () => {
  test('is the event', () => {
    expect(eventOf()).toEqual({ ...anEvent(), eventId: '/mycontext#A234-1234-1234' });
  });

  test.for([undefined, null])('that is %s leaves everything to the attributes', (data) => {
    const attributes = { subject: 'run-7', time: '2026-11-20T12:00:00Z', type: 'task.queued' };
    expect(eventOf({ ...attributes, data })).toEqual({
      executionId: 'run-7',
      occurredAt: '2026-11-20T12:00:00Z',
      status: 'queued',
      eventId: '/mycontext#A234-1234-1234',
    });
  });

  test.for([[[]], ['text'], [7], [true]])('must not be %j', ([data]) => {
    expect(refusalOf({ data })).toMatchObject({ field: 'data', reason: 'invalid_value' });
    const encoded = { data: undefined, data_base64: base64(JSON.stringify(data)) };
    expect(refusalOf(encoded)).toMatchObject({ field: 'data', reason: 'invalid_value' });
  });

  test('as a text of JSON is a text, as the format says', () => {
    expect(refusalOf({ data: JSON.stringify(anEvent()) })).toMatchObject({ field: 'data' });
  });

  test.for([
    'application/json',
    'Application/JSON; charset=utf-8',
    'text/json',
    'application/vnd.example.task+json',
    'application/cloudevents+json;v=1',
  ])('may be of type %s', (datacontenttype) => {
    expect(eventOf({ datacontenttype })).toEqual(eventOf());
  });

  test.for(['application/xml', 'application/jsonp', 'json', 'application/x-json', 'a/b; x=a/json'])(
    'must not be of type %s',
    (datacontenttype) => {
      const refusal = { field: 'datacontenttype', reason: 'invalid_value' };
      expect(refusalOf({ datacontenttype })).toMatchObject(refusal);
      expect(eventOf({ data: undefined, subject: 'run-1', datacontenttype })).toMatchObject({
        executionId: 'run-1',
      });
    },
  );

  test('that is not this one is never read as it: names that every object has do nothing', () => {
    const data = JSON.parse('{"__proto__":{"executionId":"run-9"},"executionId":"run-1"}');
    const event = eventOf({ data });
    expect(Object.getPrototypeOf(event)).toBe(Object.prototype);
    expect(event.executionId).toBe('run-1');
  });
});

describe('data_base64', () => {
  const encoded = (data_base64: unknown) => ({ data: undefined, data_base64 });

  test('is the event as bytes of JSON', () => {
    expect(eventOf(encoded(base64(JSON.stringify(anEvent()))))).toEqual(eventOf());
    expect(eventOf({ data_base64: null })).toEqual(eventOf());
  });

  test('must not come together with data', () => {
    const both = { data_base64: base64(JSON.stringify(anEvent())) };
    expect(refusalOf(both)).toMatchObject({ field: 'data_base64', reason: 'invalid_value' });
  });

  test.for([
    ['a number', 7, 'invalid_value'],
    ['no base64', 'e30=!', 'invalid_value'],
    ['base64 without padding', 'e30', 'invalid_value'],
    ['base64 of URLs', base64('{"a":"???>>>"}').replaceAll('/', '_'), 'invalid_value'],
    ['base64 with an end of line', 'e30\n', 'invalid_value'],
    ['nothing', '', 'not_json'],
    ['no JSON', base64('{'), 'not_json'],
    ['not UTF-8', base64(Uint8Array.of(0x22, 0xff, 0x22)), 'not_utf8'],
  ] as const)('must not be %s', ([, data_base64, reason]) => {
    expect(refusalOf(encoded(data_base64))).toMatchObject({ field: 'data_base64', reason });
  });

  test('must be JSON by its type, too', () => {
    const fields = { ...encoded('e30='), datacontenttype: 'application/protobuf' };
    expect(refusalOf(fields)).toMatchObject({ field: 'datacontenttype' });
  });
});

describe('what data leaves out', () => {
  test('is filled from the attributes, and what it states stands', () => {
    const attributes = { subject: 'run-7', time: '2026-01-01T00:00:00+01:00', type: 'x.error' };
    const data = { project: 'a/b' };
    expect(eventOf({ ...attributes, data })).toEqual({
      project: 'a/b',
      executionId: 'run-7',
      occurredAt: '2026-01-01T00:00:00+01:00',
      eventId: '/mycontext#A234-1234-1234',
      status: 'error',
    });
    const stated = anEvent({ eventId: 'mine' });
    expect(eventOf({ ...attributes, data: stated })).toEqual(stated);
  });

  test('is told by the name of the attribute where that is invalid', () => {
    const data = { project: 'a/b' };
    const refused = { reason: 'invalid_value', detail: expect.stringMatching(/^must /) };
    expect(refusalOf({ data, subject: 'two words' })).toEqual({ field: 'subject', ...refused });
    expect(refusalOf({ data, time: 'yesterday' })).toEqual({ field: 'time', ...refused });
    // What data states stands, so the attribute says nothing.
    expect(eventOf({ subject: 'two words', time: 'yesterday' })).toEqual(eventOf());
  });

  test.for([
    ['com.example.task.in_progress', 'in_progress'],
    ['success', 'success'],
    ['com.example.task.finished', undefined],
    ['com.example.error.task', undefined],
    ['com.example.Error', undefined],
    ['com.example.error.', undefined],
    ['com.example.toString', undefined],
  ] as const)('is, of the type %s, the status %s', ([type, status]) => {
    expect(eventOf({ type, data: {} }).status).toBe(status);
    expect(eventOf({ type, data: { status: '' } }).status).toBe(status ?? '');
    expect(eventOf({ type, data: { status: 'queued' } }).status).toBe('queued');
  });
});

describe('the event id', () => {
  const idOf = (source: string, id: string) => eventOf({ source, id }).eventId as string;

  test('is source and id, spelled out where that is one line of 200 characters', () => {
    expect(idOf('https://example.com/a#b', '1')).toBe('https://example.com/a#b#1');
    const longest = 's'.repeat(198);
    expect(idOf(longest, '1')).toBe(`${longest}#1`);
    for (const [source, id] of [
      [`${longest}s`, '1'],
      ['s', 'two\nlines'],
      ['s', '\ud800'],
    ]) {
      expect(idOf(source as string, id as string)).toMatch(/^[\w-]{43}$/);
    }
  });

  test('is what data states, unless that is empty', () => {
    expect(eventOf({ data: { eventId: 'mine' } }).eventId).toBe('mine');
    expect(eventOf({ data: { eventId: '' } }).eventId).toBe('/mycontext#A234-1234-1234');
  });

  test('is the same for the same source and id, and for no others', () => {
    const part = fc.string({ unit: fc.constantFrom('a', '#'), minLength: 1, maxLength: 3 });
    const parts = fc.tuple(part, part);
    fc.assert(
      fc.property(parts, parts, (one, other) => {
        const isSame = JSON.stringify(one) === JSON.stringify(other);
        expect(idOf(...one) === idOf(...other)).toBe(isSame);
      }),
      { numRuns: 1000 },
    );
    // Halves of characters are all the same once they are written.
    expect(idOf('s', '\ud800')).not.toBe(idOf('s', '\ud801'));
  });
});

test('whatever comes is an event or a refusal, and nothing breaks', () => {
  const names = [...Object.keys(ATTRIBUTES), 'data', 'data_base64', 'subject', 'time'];
  const values = fc.oneof(fc.jsonValue(), fc.string(), fc.constantFrom('e30=', {}, null));
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names), values), (fields) => {
      const item = read(fields);
      if (item.kind === 'refused') expect(item.refusal.detail.length).toBeLessThan(100);
      else expect(item.value).toBeTypeOf('object');
    }),
    { numRuns: 500 },
  );
});
