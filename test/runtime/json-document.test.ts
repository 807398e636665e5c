import { expect, test } from 'vitest';
import { readJson } from '../../src/runtime/json-document.ts';

test.each(['{"a":[1]}', Buffer.from('{"a":[1]}'), Buffer.from('\ufeff{"a":[1]}')])(
  'JSON is read from %o',
  (document) => {
    expect(readJson(document)).toEqual({ kind: 'json', value: { a: [1] } });
  },
);

test.each([
  ['', 'must be JSON'],
  ['{"a":', 'must be JSON'],
  ['{\n  "a": 1,\n}', 'must be JSON, which ends at line 3 column 1'],
  ['ttk_secret', 'must be JSON'],
  [Buffer.from([0x22, 0xff, 0x22]), 'must be UTF-8'],
])('%o is none, and its fault quotes nothing', (document, fault) => {
  expect(readJson(document)).toEqual({ kind: 'invalid', fault });
});
