import { describe, expect, it } from 'vitest';
import { readWebhookBody } from '../../../src/intake/webhooks/webhook-body.ts';

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

  it('reads the first field payload of a form, wherever it is', () => {
    const text = '{"a": "1&2=3+4"}';
    const payload = encodeURIComponent(text);
    for (const form of [
      `payload=${payload}`,
      `a=1&payload=${payload}&b`,
      `&&payload=${payload}&payload={}`,
      `xpayload={}&payload=${payload}`,
    ]) {
      expect(read(form, FORM)).toMatchObject({ kind: 'json', text });
    }
    for (const form of ['', 'xpayload={}', 'payload', 'a=payload={}', 'PAYLOAD={}']) {
      expect(read(form, FORM)).toMatchObject({ kind: 'invalid' });
    }
  });

  it('decodes nothing of a form but that field', () => {
    const many = 'a&'.repeat(512 * 1024);
    const startedAt = performance.now();
    expect(read(many, FORM)).toMatchObject({ kind: 'invalid' });
    expect(read(`${many}payload={}&${many}`, FORM)).toMatchObject({ kind: 'json', text: '{}' });
    // To take all fields apart takes some seconds.
    expect(performance.now() - startedAt).toBeLessThan(300);
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
