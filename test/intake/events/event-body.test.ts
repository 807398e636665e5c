import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeJson, readEventBody } from '../../../src/intake/events/event-body.ts';
import { EVENT_MEDIA_TYPES, type EventMediaType, MAX_EVENTS } from '../../../src/intake/intake.ts';

const JSON_TYPE = 'application/json';
const LINES = 'application/x-ndjson';
const CLOUD_EVENTS = 'application/cloudevents+json';
const BATCH = 'application/cloudevents-batch+json';

const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
/** Two bytes of a character of three. */
const CUT_CHARACTER = Buffer.from('漢').subarray(0, 2);

function read(body: string | Uint8Array, mediaType: EventMediaType = JSON_TYPE) {
  return readEventBody(Buffer.from(body), mediaType);
}

function valuesOf(body: ReturnType<typeof read>): unknown[] {
  if (body.kind !== 'items') throw new Error(`it is ${body.kind}`);
  return body.items.map((item) => (item.kind === 'value' ? item.value : item.refusal));
}

function reasonOf(body: ReturnType<typeof read>): string {
  if (body.kind !== 'invalid_body') throw new Error(`it is ${body.kind}`);
  return body.reason;
}

describe('a document', () => {
  test.for([JSON_TYPE, CLOUD_EVENTS] as const)('of %s is one event or several', (type) => {
    expect(valuesOf(read('{"a":1}', type))).toEqual([{ a: 1 }]);
    expect(valuesOf(read(' [{"a":1},{"a":2}]\n', type))).toEqual([{ a: 1 }, { a: 2 }]);
  });

  test('of a batch is an array, which may be empty, as CloudEvents have it', () => {
    expect(valuesOf(read('[{"a":1}]', BATCH))).toEqual([{ a: 1 }]);
    expect(valuesOf(read('[]', BATCH))).toEqual([]);
    expect(reasonOf(read('{"a":1}', BATCH))).toBe(
      'the body is no array: send an array of CloudEvents',
    );
  });

  test('may hold what is no event: that is judged one by one', () => {
    expect(valuesOf(read('[1,null,"x",[[]],{"a":1}]'))).toEqual([1, null, 'x', [[]], { a: 1 }]);
  });

  test.for([JSON_TYPE, CLOUD_EVENTS] as const)('of %s without an event is at fault', (type) => {
    for (const body of ['', ' \n\t', '[]', '[ ]', '1', 'null', '"[]"']) {
      expect(reasonOf(read(body, type)), body).toMatch(/^the body is .*: send .* or an array/);
    }
  });

  test('that is no JSON is at fault, where it is known', () => {
    expect(reasonOf(read('{"a":1,\n"b"}'))).toMatch(/not JSON \(.*line 2 column 4.*\): send one/);
    expect(reasonOf(read('{"a":1}{"a":2}'))).toMatch(/not JSON \(.*position 7.*\): send one/);
    expect(reasonOf(read('[{"a":1}'))).toMatch(/not JSON \(.*\): send one/);
  });

  test('that is no JSON is shown a few characters of, in one line', () => {
    const reason = reasonOf(read(`?${'\n\u0007secret'.repeat(1000)}`));
    expect(reason.length).toBeLessThan(300);
    expect(reason).not.toMatch(/\p{Cc}/u);
  });

  test.for(EVENT_MEDIA_TYPES)('of %s that is not UTF-8 is told of', (type) => {
    const body = Buffer.concat([Buffer.from('{"a":"'), CUT_CHARACTER, Buffer.from('"}')]);
    expect(JSON.stringify(read(body, type))).toMatch(/UTF-8/);
    expect(JSON.stringify(read(Buffer.from('{}', 'utf16le'), type))).toMatch(/JSON|UTF-8/);
  });

  test.for([JSON_TYPE, LINES] as const)('of %s may begin with a byte order mark', (type) => {
    const body = Buffer.concat([BOM, Buffer.from('{"a":1}')]);
    expect(valuesOf(read(body, type))).toEqual([{ a: 1 }]);
  });
});

describe('lines', () => {
  test('are events, each by itself, whatever ends them', () => {
    const events = [{ a: 1 }, { a: 2 }, { a: 3 }];
    for (const body of ['{"a":1}\n{"a":2}\n{"a":3}', '{"a":1}\r\n{"a":2}\n\n \t\r\n{"a":3}\n\n']) {
      expect(valuesOf(read(body, LINES))).toEqual(events);
    }
  });

  test('that are bad spoil no others, and are told by their number, blank lines counted', () => {
    const bytes = (text: string) => Buffer.from(`${text}\n`);
    const body = Buffer.concat([
      bytes('{"a":1}'),
      bytes(''),
      bytes('{"a":'),
      CUT_CHARACTER,
      bytes(''),
      bytes('{"a":2}'),
      bytes('{"a" 1}'),
      bytes('\u00a0'),
      bytes('[1]'),
    ]);
    expect(valuesOf(read(body, LINES))).toEqual([
      { a: 1 },
      { field: '', reason: 'not_json', detail: expect.stringMatching(/^line 3 must be JSON: /) },
      { field: '', reason: 'not_utf8', detail: 'line 4 must be UTF-8' },
      { a: 2 },
      {
        field: '',
        reason: 'not_json',
        detail: expect.stringMatching(/^line 6 must be JSON: .* position \d+$/),
      },
      { field: '', reason: 'not_json', detail: 'line 7 must be JSON' },
      [1],
    ]);
  });

  test.for([
    [`?${'secret'.repeat(10_000)}`, '? cannot stand where it does'],
    ['[1,]', '] cannot stand where it does'],
    ['"\u0001"', 'see position 1 (line 1 column 2)'],
    ['\u0001', 'a control character cannot stand where it does'],
    ['{"secret":1', 'see position 11 (line 1 column 12)'],
    ['"secret', 'see position 7 (line 1 column 8)'],
    ['nul', 'it ends too early, or is no value of JSON'],
    ['NaN', 'it ends too early, or is no value of JSON'],
  ])('are told what is wrong in words that quote nothing: %j', ([text = '', problem]) => {
    expect(reasonOf(read(text))).toBe(
      `the body is not JSON (${problem}): send one event as a JSON object, or an array of them`,
    );
    expect(valuesOf(read(text, LINES))).toMatchObject([
      { detail: `line 1 must be JSON: ${problem?.replace(/ \(line.*/, '')}` },
    ]);
  });

  test.for(['', '\n', '\r\n \t\n'])('that are all blank are at fault: %j', (body) => {
    expect(reasonOf(read(body, LINES))).toBe(
      'the body is empty: send one event as JSON on each line',
    );
  });
});

describe('more events than one request may have', () => {
  test.for([
    [JSON_TYPE, (count: number) => `[${Array(count).fill('{}').join(',')}]`],
    [BATCH, (count: number) => `[${Array(count).fill('1').join(',')}]`],
    [LINES, (count: number) => '{}\n\n'.repeat(count)],
    [LINES, (count: number) => 'no JSON\n'.repeat(count)],
  ] as const)('of %s are refused as a whole', ([type, bodyOf]) => {
    expect(read(bodyOf(MAX_EVENTS), type)).toMatchObject({ kind: 'items' });
    const over = { kind: 'too_many_events', max: 1000 };
    expect(read(bodyOf(MAX_EVENTS + 1), type)).toEqual(over);
  });
});

describe('a body of 1 MiB', () => {
  test('may be nested as deep as it can be', () => {
    const half = 512 * 1024;
    const deep = '['.repeat(half) + ']'.repeat(half);
    expect(read(deep)).toMatchObject({ kind: 'items' });
    expect(read(deep, LINES)).toMatchObject({ kind: 'items' });
    expect(read(`[${deep.slice(0, -1)}`)).toMatchObject({ kind: 'invalid_body' });
    expect(decodeJson(Buffer.from('{"a":'.repeat(200_000))).kind).toBe('not_json');
  });

  test('may be nothing but ends of lines', () => {
    expect(read('\n'.repeat(1024 * 1024), LINES)).toMatchObject({ kind: 'invalid_body' });
  });
});

describe('whatever comes', () => {
  test('is items or a fault, and nothing breaks', () => {
    const fragments = fc.constantFrom('{', '}', '[', ']', '"a"', ':', ',', '1', '\n', '\r', ' ');
    const texts = fc.array(fragments).map((parts) => Buffer.from(parts.join('')));
    const bodies = fc.oneof(fc.uint8Array(), texts);
    fc.assert(
      fc.property(bodies, fc.constantFrom(...EVENT_MEDIA_TYPES), (body, type) => {
        expect(read(body, type).kind).toBeOneOf(['items', 'invalid_body']);
      }),
      { numRuns: 1000 },
    );
  });

  test('of JSON values is the same as a document and as lines', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue(), { minLength: 1, maxLength: 20 }), (values) => {
        const lines = values.map((value) => JSON.stringify(value));
        const plain = JSON.parse(`[${lines.join(',')}]`);
        expect(valuesOf(read(`[${lines.join(',')}]`))).toEqual(plain);
        expect(valuesOf(read(lines.join('\n'), LINES))).toEqual(plain);
      }),
    );
  });
});
