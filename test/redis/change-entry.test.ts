import type { TaskChange } from '@tasktrail/contract';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { foldEvent } from '../../src/projector/fold.ts';
import { CorruptChangeError, decodeChange, encodeChange } from '../../src/redis/change-entry.ts';
import { toItem } from '../../src/redis/task-row.ts';
import { anEvent, arbitraryEvents, ENTRY_ID } from '../fixtures/events.ts';

/** Changes as the projector makes them. */
const changes: fc.Arbitrary<TaskChange> = fc
  .tuple(arbitraryEvents, fc.constantFrom(null, 'queued', 'error'))
  .map(([event, status]) => {
    const outcome = foldEvent(undefined, ENTRY_ID, { project: 'a/b', status: 'queued', ...event });
    if (outcome.kind !== 'applied') throw new Error('a first event with all it needs is applied');
    const previous = status === null ? null : ({ status, audience: ['slack:U1'] } as const);
    return { item: toItem(outcome.task), previous: previous && structuredClone(previous) };
  }) as fc.Arbitrary<TaskChange>;

describe('a change', () => {
  test('that was written is read as the same change', () => {
    fc.assert(
      fc.property(changes, (change) => {
        expect(decodeChange(ENTRY_ID, encodeChange(change))).toEqual(change);
      }),
    );
  });

  test('of a new task has no field previous', () => {
    const outcome = foldEvent(undefined, ENTRY_ID, anEvent());
    if (outcome.kind !== 'applied') throw new Error('a first event is applied');
    const pairs = encodeChange({ item: toItem(outcome.task), previous: null });
    expect(pairs).toEqual(['item', JSON.stringify(toItem(outcome.task))]);
  });

  test.for([
    ['nothing', []],
    ['no item', ['previous', 'null']],
    ['an item that is no JSON', ['item', '{']],
    ['an item that lacks fields', ['item', '{"executionId":"run-1"}']],
    ['a name without value', ['item']],
  ] as const)('is corrupt with %s, and the error names its id', ([, pairs]) => {
    expect(() => decodeChange(ENTRY_ID, pairs)).toThrow(CorruptChangeError);
    expect(() => decodeChange(ENTRY_ID, pairs)).toThrow(ENTRY_ID);
  });
});
