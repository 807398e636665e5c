import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judgeContent } from '../../../src/http/intake/content-type.ts';
import { EVENT_MEDIA_TYPES } from '../../../src/intake/intake.ts';

const judge = (contentType?: string, contentEncoding?: string) =>
  judgeContent(
    { 'content-type': contentType, 'content-encoding': contentEncoding },
    EVENT_MEDIA_TYPES,
  );

describe('a content type', () => {
  test.each([
    ['application/json', 'application/json'],
    [' application/json ', 'application/json'],
    ['APPLICATION/X-NDJSON', 'application/x-ndjson'],
    ['application/cloudevents+json; charset=UTF-8', 'application/cloudevents+json'],
    ['application/cloudevents-batch+json;x=y', 'application/cloudevents-batch+json'],
    ['application/json; charset=utf8', 'application/json'],
    ['application/json;charset="utf-8"', 'application/json'],
    ['application/json;', 'application/json'],
  ])('is accepted as "%s"', (contentType, mediaType) => {
    expect(judge(contentType)).toEqual({ kind: 'accepted', mediaType });
  });

  test.each([
    undefined,
    '',
    'json',
    'text/plain',
    'application/jsonx',
    'application/json, application/json',
    'application/vnd.api+json',
    'multipart/form-data; boundary=x',
  ])('is refused as "%s", and all others are listed', (contentType) => {
    const message = `Content-Type must be ${EVENT_MEDIA_TYPES.join(', ')}`;
    expect(judge(contentType)).toEqual({ kind: 'unsupported', message });
  });

  test.each(['latin1', 'iso-8859-1', 'utf-16', 'UTF-16LE', 'us-ascii', 'x'])(
    'is refused in the charset %s',
    (charset) => {
      expect(judge(`application/json; charset=${charset}`)).toEqual({
        kind: 'unsupported',
        message: 'Content-Type must be application/json in UTF-8',
      });
    },
  );

  test('may be any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (contentType, encoding) => {
        expect(['accepted', 'unsupported']).toContain(judge(contentType, encoding).kind);
      }),
    );
  });
});

describe('a content encoding', () => {
  test.each(['identity', 'Identity', ' identity ', ''])('is none as "%s"', (encoding) => {
    expect(judge('application/json', encoding).kind).toBe('accepted');
  });

  test.each(['gzip', 'identity, gzip', 'x'])('is refused as "%s"', (encoding) => {
    expect(judge('application/json', encoding)).toMatchObject({
      kind: 'unsupported',
      message: expect.stringContaining('Content-Encoding'),
    });
  });
});
