import { ServerResponse } from 'node:http';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { headerText } from '../../../src/http/intake/header-text.ts';

test('printable ASCII stays as it is', () => {
  expect(headerText('webhooks of type "push" tell of no task')).toBe(
    'webhooks of type "push" tell of no task',
  );
});

test('a header cannot be ended, nor another one begun', () => {
  expect(headerText('a\r\nSet-Cookie: b\u0085c\u2028d')).toBe('a Set-Cookie: b c d');
});

test('whatever the text, it is the value of a header', () => {
  const response = new ServerResponse({ method: 'GET' } as never);
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 500 }), (text) => {
      const value = headerText(text);
      expect(value).toMatch(/^(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?$/);
      expect(value.length).toBeLessThanOrEqual(200);
      response.setHeader('Tasktrail-Reason', value);
    }),
  );
});
