import { describe, expect, it } from 'vitest';
import { readWebhookBody } from '../../src/intake/webhook-body.ts';

const FORM = 'application/x-www-form-urlencoded';
const read = (text: string, contentType?: string) =>
  readWebhookBody(Buffer.from(text), contentType);

describe('readWebhookBody', () => {
  it('reads JSON, and the JSON in the field payload of a form', () => {
    const text = '{"name": "größe & co"}';
    const expected = { kind: 'json', text, value: { name: 'größe & co' } };
    for (const type of ['application/json', 'application/json; charset=utf-8', undefined]) {
      expect(read(text, type)).toEqual(expected);
    }
    const form = new URLSearchParams({ payload: text }).toString();
    for (const type of [FORM, `${FORM}; charset=utf-8`, FORM.toUpperCase()]) {
      expect(read(form, type)).toEqual(expected);
    }
  });

  it('says what is wrong with anything else', () => {
    for (const text of ['', '{', 'payload={}', '{"a":1}x']) {
      expect(read(text, 'application/json')).toMatchObject({ kind: 'invalid' });
    }
    expect(read('body={}', FORM)).toMatchObject({
      kind: 'invalid',
      reason: expect.stringContaining('payload'),
    });
    expect(read('payload=%7B', FORM)).toMatchObject({ kind: 'invalid' });
  });
});
