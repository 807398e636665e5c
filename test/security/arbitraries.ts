import fc from 'fast-check';

/** Texts that break what is careless with them. */
export const nastyTexts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.constantFrom(
    '',
    ' ',
    '0',
    '-1',
    '1e309',
    'NaN',
    'null',
    'undefined',
    'true',
    '[]',
    '{}',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    '\u0000',
    '\r\nX-Injected: 1',
    '\u2028',
    '\ufeff',
    '\ud800',
    '😀',
    '../../etc/passwd',
    '%00',
    '%',
    '%ff',
    '%2e%2e%2f',
    '*',
    '?',
    '[a-z]',
    '\\',
    '"',
    "' OR 1=1 --",
    '{{7*7}}',
    '<script>alert(1)</script>',
    'javascript:alert(1)',
    'redis.call("FLUSHALL")',
    '*3\r\n$3\r\nSET\r\n',
    '(a+)+$',
    `${'a'.repeat(5000)}!`,
    '9'.repeat(400),
    '18446744073709551615-18446744073709551615',
    '18446744073709551616-0',
    '0-0',
    'acme/shop',
    'queued',
  ),
);

/** Any JSON value, and those that parsers of JSON disagree about. */
export const nastyJson = fc.oneof(
  fc.json({ maxDepth: 4 }),
  nastyTexts.map((text) => JSON.stringify(text)),
  fc.constantFrom(
    '{"__proto__":{"executionId":"x"}}',
    '{"executionId":"a","executionId":"b"}',
    '{"constructor":{"prototype":{"status":"queued"}}}',
    '1e999',
    '-0',
    '123456789012345678901234567890',
    '"\\ud800"',
    '[1,]',
    '{"a":1,}',
    'NaN',
    '\ufeff[]',
    '[]]',
    '',
    '\u0000',
  ),
  fc.integer({ min: 1, max: 200_000 }).map((depth) => '['.repeat(depth)),
  fc
    .integer({ min: 1, max: 50_000 })
    .map((depth) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`),
);

/** A text with a piece of it changed, lost, doubled, or put elsewhere. */
export function mutated(texts: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const change = fc.record({
    at: fc.nat(2000),
    length: fc.nat(12),
    with: fc.oneof(nastyTexts, fc.string({ unit: 'grapheme-ascii', maxLength: 3 })),
    kind: fc.constantFrom('replace', 'delete', 'double', 'cut', 'nothing'),
  });
  return fc.tuple(texts, fc.array(change, { minLength: 1, maxLength: 3 })).map(([text, changes]) =>
    changes.reduce((current, { at, length, with: other, kind }) => {
      const from = current.length === 0 ? 0 : at % current.length;
      const [head, piece, tail] = [
        current.slice(0, from),
        current.slice(from, from + length),
        current.slice(from + length),
      ];
      switch (kind) {
        case 'replace':
          return head + other + tail;
        case 'delete':
          return head + tail;
        case 'double':
          return head + piece + piece + tail;
        case 'cut':
          return head;
        default:
          return current;
      }
    }, text),
  );
}

/** A JSON value in which some part was replaced by another value, or has gone. */
export function mutatedJson(values: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    nastyTexts,
    fc.constantFrom(null, [], {}, -1, 2 ** 53, 1e308, '2026-13-45T99:99:99Z', '0000-01-01'),
  );
  return fc
    .tuple(values, fc.array(fc.tuple(fc.infiniteStream(fc.nat(50)), value), { maxLength: 4 }))
    .map(([original, changes]) => {
      const root = { value: structuredClone(original) };
      for (const [path, replacement] of changes) {
        // A copy, since later changes go into it.
        replaceSomewhere(root, path, structuredClone(replacement));
      }
      return root.value;
    });
}

/** Walks down by numbers, and replaces what it comes to; every fourth step ends there. */
function replaceSomewhere(root: object, path: Iterable<number>, replacement: unknown): void {
  let parent = root as Record<string, unknown>;
  for (const step of path) {
    const names = Object.keys(parent);
    const name = names[step % names.length];
    if (name === undefined) return;
    const child = parent[name];
    if (typeof child === 'object' && child !== null && step % 4 !== 0) {
      parent = child as Record<string, unknown>;
      continue;
    }
    parent[name] = replacement;
    return;
  }
}

/** What a header of Node's client may hold: anything that does not end it. */
export const headerTexts = fc.oneof(
  nastyTexts.map((text) => text.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, '')),
  fc.stringMatching(/^[\x20-\x7e\xa0-\xff]{0,60}$/),
);
