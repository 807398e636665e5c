import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { EventEntry } from '../../../src/projector/event-reader.ts';
import { decodeBatch, planBatch } from '../../../src/projector/plan.ts';
import { KEYS } from '../../../src/redis/keys.ts';
import { type Task, toItem } from '../../../src/redis/task-row.ts';
import { idOf } from '../../fixtures/events.ts';
import { Dice } from '../dice.ts';
import { RawEntryMaker } from '../plan/raw-entries.ts';
import { History, type StoredEntry } from './history.ts';

const FIRST_MS = Date.UTC(2026, 10, 20);
const MOST_BYTES = 65_536;

/** Entries of two bots, which meet in the executions that they share. */
const arbitraryEntries = fc
  .record({ seed: fc.nat(), count: fc.integer({ min: 1, max: 120 }), isFat: fc.boolean() })
  .map(({ seed, count, isFat }): StoredEntry[] => {
    const dice = new Dice('test', seed);
    const bots = ['one', 'two'].map((name) => new RawEntryMaker(dice.of(name), name, isFat));
    return Array.from({ length: count }, (_, index) => ({
      id: `${FIRST_MS + index}-${index % 3}`,
      pairs: dice
        .pick(bots)
        .next()
        .pairs.map((text) => Buffer.from(text)),
    }));
  });

test('the model folds events as the program does, however they are batched', () => {
  fc.assert(
    fc.property(arbitraryEntries, fc.integer({ min: 1, max: 40 }), (entries, batchSize) => {
      const model = new History(entries);
      const program = foldByProgram(entries.map(asRead), batchSize);
      expect(model.items).toEqual(program.items);
      expect(model.changes.map(({ id, item }) => ({ id, item }))).toEqual(program.changes);
      expect(
        model.quarantined.map(({ entry: { id }, flaw: { reason, field } }) => [id, reason, field]),
      ).toEqual(program.quarantined);
    }),
    { numRuns: 200 },
  );
});

test('what a task was before a change is what the change before it left', () => {
  fc.assert(
    fc.property(arbitraryEntries, (entries) => {
      const latest = new Map<string, unknown>();
      for (const { item, before } of new History(entries).changes) {
        expect(before).toBe(latest.get(item.executionId));
        latest.set(item.executionId, item);
      }
    }),
  );
});

/** As Redis hands entries to the projector: those that are too large or no text unread. */
function asRead({ id, pairs }: StoredEntry): EventEntry {
  const bytes = pairs.reduce((sum, text) => sum + text.length, 0);
  const isText = pairs.every((text) => isUtf8(text));
  const flaw = bytes > MOST_BYTES ? 'too_large' : isText ? undefined : 'not_utf8';
  return { id: idOf(id), pairs: flaw === undefined ? pairs.map(String) : [], flaw };
}

function foldByProgram(entries: readonly EventEntry[], batchSize: number) {
  const rows = new Map<string, Task>();
  const changes: unknown[] = [];
  const quarantined: unknown[] = [];
  let left = decodeBatch(entries);
  for (let [first, ...rest] = left; first !== undefined; [first, ...rest] = left) {
    const plan = planBatch([first, ...rest.slice(0, batchSize - 1)], rows, KEYS);
    for (const row of plan.rows) rows.set(row.executionId, row);
    changes.push(...plan.changes.map(({ id, change: { item } }) => ({ id, item })));
    for (const { id, problem } of plan.quarantined) {
      quarantined.push([id, problem.reason, problem.field]);
    }
    left = left.slice(plan.entries);
  }
  const items = new Map([...rows].map(([executionId, row]) => [executionId, toItem(row)]));
  return { items, changes, quarantined };
}
