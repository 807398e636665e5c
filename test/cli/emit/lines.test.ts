import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type InputLine, LineSplitter, MAX_LINE_BYTES } from '../../../src/cli/emit/lines.ts';

const MIB = 1024 * 1024;

function split(...chunks: readonly (string | Uint8Array)[]): InputLine[] {
  const splitter = new LineSplitter();
  const lines = chunks.flatMap((chunk) => [...splitter.push(Buffer.from(chunk))]);
  return [...lines, ...splitter.end()];
}

/** The texts; what is no text, as what is wrong with it. */
function texts(lines: readonly InputLine[]): string[] {
  return lines.map((line) => (line.kind === 'text' ? line.text : `(${line.problem})`));
}

describe('lines', () => {
  test.for([
    ['end with LF', 'a\nb\n', ['a', 'b']],
    ['end with CR LF', 'a\r\nb\r\n', ['a', 'b']],
    ['end with the input', 'a\nb', ['a', 'b']],
    ['end with the input after a CR', 'a\r', ['a']],
    ['may be empty', '\n\r\n\na', ['', '', '', 'a']],
    ['keep a CR that ends none', 'a\rb\r\r\n', ['a\rb\r']],
    ['lose a byte order mark, also of a file within', '\ufeffa\n\ufeffb\n', ['a', 'b']],
    ['keep a mark that begins none', 'a\ufeff\n', ['a\ufeff']],
    ['are none in an empty input', '', []],
  ] as const)('%s', ([, input, expected]) => {
    expect(texts(split(input))).toEqual(expected);
  });

  test('are the same wherever the input is cut into chunks', () => {
    const parts = fc.constantFrom('\n', '\r', '\r\n', '\ufeff', 'a', '漢', '😀', '{}');
    const inputs = fc.array(parts, { maxLength: 30 }).map((all) => Buffer.from(all.join('')));
    fc.assert(
      fc.property(inputs, fc.array(fc.nat({ max: 60 })), (input, cuts) => {
        const at = [0, ...cuts.map((cut) => cut % (input.length + 1)), input.length];
        at.sort((a, b) => a - b);
        const chunks = at.slice(1).map((end, i) => input.subarray(at[i], end));
        expect(split(...chunks)).toEqual(split(input));
      }),
    );
  });

  test('say where they end', () => {
    expect(split('a\r\n', '漢', '\n\nb').map(({ number, endsAt }) => [number, endsAt])).toEqual([
      [1, 3],
      [2, 7],
      [3, 8],
      [4, 9],
    ]);
  });

  test('that are no UTF-8 spoil no other one, in one chunk or in several', () => {
    const wrong = [Buffer.from('a\n\xff\nb\n\xe6\xbc', 'latin1'), Buffer.from('\nc\n')];
    const expected = ['a', '(is no UTF-8)', 'b', '(is no UTF-8)', 'c'];
    expect(texts(split(...wrong))).toEqual(expected);
    expect(texts(split(Buffer.concat(wrong)))).toEqual(expected);
  });
});

describe('a line of more than 1 MiB', () => {
  test.for(['\n', '\r\n', ''])('is one too long, ended by %j; one of 1 MiB is fine', (end) => {
    const longest = 'x'.repeat(MAX_LINE_BYTES);
    const [fine, tooLong] = split(`${longest}\n`, `${longest}y`, end);
    expect(fine).toMatchObject({ kind: 'text', text: longest });
    expect(tooLong).toMatchObject({ kind: 'unreadable', problem: 'is longer than 1 MiB' });
  });

  test('is counted in bytes, and the next one goes on', () => {
    const lines = split(`${'漢'.repeat(MIB / 3 + 1)}\nnext`);
    expect(texts(lines)).toEqual(['(is longer than 1 MiB)', 'next']);
  });

  test('costs no memory, be it 200 MiB', () => {
    const splitter = new LineSplitter();
    const chunk = Buffer.alloc(65_536, 'x');
    let most = 0;
    for (let sent = 0; sent < 200 * MIB; sent += chunk.length) {
      expect([...splitter.push(chunk)]).toEqual([]);
      most = Math.max(most, splitter.heldBytes);
    }
    expect(most).toBeLessThanOrEqual(MIB + 1);
    expect(splitter.heldBytes).toBe(0);
    const lines = [...splitter.push(Buffer.from('\nnext\n'))];
    expect(texts(lines)).toEqual(['(is longer than 1 MiB)', 'next']);
    expect(lines[1]?.endsAt).toBe(200 * MIB + 6);
  });
});

test('a line that comes byte by byte is held in a few pieces', () => {
  const splitter = new LineSplitter();
  const sizes = new Set<number>();
  for (let i = 0; i < 20_000; i += 1) {
    expect([...splitter.push(Buffer.from('x'))]).toEqual([]);
    sizes.add(splitter.heldBytes);
  }
  expect([...sizes]).toEqual([4096, 8192, 16_384, 32_768]);
  expect(texts([...splitter.push(Buffer.from('\n'))])).toEqual(['x'.repeat(20_000)]);
});
