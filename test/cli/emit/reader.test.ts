import { describe, expect, test } from 'vitest';
import { NextBatch } from '../../../src/cli/emit/batch.ts';
import { EmitInputError } from '../../../src/cli/emit/input.ts';
import { EmitReader, type NamedInput } from '../../../src/cli/emit/reader.ts';
import { KEYS } from '../../../src/redis/keys.ts';
import { eventually } from '../../fixtures/facts.ts';
import { eventLine } from './emitting.ts';

const LINE = `${eventLine('run-1')}\n`;

/** An input that gives these chunks, and then ends, or has nothing more to give. */
function input(sizeBytes: number | undefined, chunks: readonly string[], ends = true): NamedInput {
  async function* open() {
    for (const chunk of chunks) yield Buffer.from(chunk);
    if (!ends) await new Promise(() => {});
  }
  return { input: { sizeBytes, open }, name: '', file: undefined };
}

function read(...inputs: NamedInput[]) {
  const batch = new NextBatch();
  const stop = new AbortController();
  const reader = new EmitReader(inputs, batch, {
    keys: KEYS,
    wallMs: Date.now,
    onRefused: () => {},
  });
  return { reader, batch, stop, reading: reader.run(stop.signal) };
}

describe('nothing is known to come after the last line that was read', () => {
  test('when the inputs have ended', async () => {
    const { reader, reading } = read(input(10, [LINE]), input(undefined, [LINE, LINE]));
    await reading;
    expect(reader.hasReadAll).toBe(true);
    expect(reader.place).toMatchObject({ line: 2, bytes: 3 * LINE.length });
  });

  test.for([
    ['before its first line', [], undefined],
    ['after a line', [LINE], 1],
  ] as const)('when a pipe has nothing to give %s', async ([, chunks, line]) => {
    const { reader, reading, stop } = read(input(undefined, chunks, false));
    await eventually(() => expect(reader.place?.line).toBe(line));
    await eventually(() => expect(reader.hasReadAll).toBe(true));
    stop.abort();
    await reading;
    expect(reader.hasReadAll).toBe(true);
  });
});

describe('more is known to come', () => {
  test.for([
    ['within a line', [input(undefined, [LINE, 'half'], false)]],
    ['within a file', [input(1000, [LINE], false)]],
    ['after a pipe that is not the last input', [input(undefined, [LINE], false), input(1, [])]],
  ] as const)('%s', async ([, inputs]) => {
    const { reader, reading, stop } = read(...inputs);
    await eventually(() => expect(reader.place?.line).toBe(1));
    await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    await reading;
    expect(reader.hasReadAll).toBe(false);
  });

  test('where it was stopped in a chunk, of which it reads no further line', async () => {
    const { reader, reading, stop, batch } = read(input(undefined, [LINE.repeat(2000)], false));
    await eventually(() => expect(reader.place?.line).toBe(500));
    stop.abort();
    batch.end();
    await reading;
    expect(reader.hasReadAll).toBe(false);
    expect(reader.place?.line).toBe(501);
    expect((await batch.take())?.through.line).toBe(500);
  });
});

test('an input that fails is told with the last line before', async () => {
  async function* open() {
    yield Buffer.from(`${LINE}half`);
    throw new Error('EIO');
  }
  const failing = { input: { sizeBytes: 10, open }, name: '', file: 'b.ndjson' };
  const { reading } = read(failing);
  const error = new EmitInputError('cannot read further than b.ndjson, line 1: EIO');
  await expect(reading).rejects.toThrow(error);
});
