import { describe, expect, test } from 'vitest';
import {
  type EntryLine,
  MAX_BATCH_BYTES,
  MAX_BATCH_LINES,
  NextBatch,
} from '../../../src/cli/emit/batch.ts';

const ENTRY = { stream: 'events', pairs: [], records: [] } as const;

function line(number: number, bytes = 1): EntryLine {
  return { entry: ENTRY, bytes, place: { file: undefined, line: number, bytes: number } };
}

/** Adds lines until one has to wait; resolves once all are added. */
function fill(batch: NextBatch, lines: readonly EntryLine[]) {
  const state = { added: 0 };
  const filled = (async () => {
    for (const one of lines) {
      await batch.add(one);
      state.added += 1;
    }
  })();
  return { state, filled };
}

/** Everything that is ready to run has run. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('the next batch', () => {
  test('is taken as soon as there is a line in it', async () => {
    const batch = new NextBatch();
    const taking = batch.take();
    await batch.add(line(1));
    expect(await taking).toEqual({ lines: [line(1)], through: line(1).place });
  });

  test('takes up what comes while another is on its way', async () => {
    const batch = new NextBatch();
    await batch.add(line(1));
    await batch.take();
    await batch.add(line(2));
    await batch.add(line(3));
    expect((await batch.take())?.lines).toEqual([line(2), line(3)]);
  });

  test('has room for so many lines, and then is waited for', async () => {
    const batch = new NextBatch();
    const lines = Array.from({ length: MAX_BATCH_LINES + 2 }, (_, i) => line(i + 1));
    const { state, filled } = fill(batch, lines);
    await settled();
    expect(state.added).toBe(MAX_BATCH_LINES);
    expect((await batch.take())?.lines).toHaveLength(MAX_BATCH_LINES);
    await filled;
    expect((await batch.take())?.lines).toEqual(lines.slice(-2));
  });

  test('has room for so many bytes, but for one line always', async () => {
    const batch = new NextBatch();
    const half = MAX_BATCH_BYTES / 2;
    const lines = [line(1, half), line(2, half), line(3, 1), line(4, MAX_BATCH_BYTES + 1)];
    const { state, filled } = fill(batch, lines);
    await settled();
    expect(state.added).toBe(2);
    expect((await batch.take())?.lines).toEqual(lines.slice(0, 2));
    expect((await batch.take())?.lines).toEqual([lines[2]]);
    await filled;
    expect((await batch.take())?.lines).toEqual([lines[3]]);
  });

  test('reaches as far as the last line that was passed, also without any to append', async () => {
    const batch = new NextBatch();
    batch.pass(line(1).place);
    expect(await batch.take()).toEqual({ lines: [], through: line(1).place });
    await batch.add(line(2));
    batch.pass(line(3).place);
    expect(await batch.take()).toEqual({ lines: [line(2)], through: line(3).place });
  });

  test('can still be taken at the end, and then there is none', async () => {
    const batch = new NextBatch();
    await batch.add(line(1));
    batch.end();
    expect((await batch.take())?.lines).toEqual([line(1)]);
    expect(await batch.take()).toBeUndefined();
  });

  test('frees whoever waits when it ends, and takes nothing more', async () => {
    const empty = new NextBatch();
    const taking = empty.take();
    empty.end();
    expect(await taking).toBeUndefined();

    const full = new NextBatch();
    await full.add(line(1, MAX_BATCH_BYTES));
    const { filled } = fill(full, [line(2)]);
    full.end();
    await filled;
    full.pass(line(3).place);
    expect(await full.take()).toEqual({
      lines: [line(1, MAX_BATCH_BYTES)],
      through: line(1).place,
    });
    expect(await full.take()).toBeUndefined();
  });
});
