import { decodeEntry } from '@tasktrail/contract';
import { describe, expect, test } from 'vitest';
import { type DecodedEvent, decodeBatch, planBatch } from '../../src/projector/plan.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { anEntry, idOf } from '../fixtures/events.ts';

/** A batch of as many entries of one execution. */
function batchOf(...entries: string[][]): [DecodedEvent, ...DecodedEvent[]] {
  const batch = entries.map((pairs, n) => {
    const id = idOf(`1795211160000-${n}`);
    return { id, decoded: decodeEntry(id, pairs) };
  });
  return batch as [DecodedEvent, ...DecodedEvent[]];
}

const prLinks = JSON.stringify(
  Array.from({ length: 50 }, (_, n) => `https://example.com/${'x'.repeat(1000)}/${n}`),
);

describe('INV6: a plan', () => {
  const large = batchOf(anEntry({ prLinks }), ...Array.from({ length: 99 }, () => anEntry()));

  test('covers the beginning of a batch whose changes are too much for one commit', () => {
    const plan = planBatch(large, new Map(), KEYS, 500_000);
    expect(plan.entries).toBe(10);
    expect(plan.changes).toHaveLength(10);
    expect(plan.checkpoint).toBe(large[9]?.id);
    expect(plan.counts).toEqual({ applied: 10, duplicate: 0, stale: 0, quarantined: 0 });
  });

  test('covers at least one entry, or else nothing would ever be applied', () => {
    expect(planBatch(large, new Map(), KEYS, 1).entries).toBe(1);
  });

  test('ends with an entry of unknown size, which Redis copies by itself', () => {
    const ids = [idOf('1-0'), idOf('2-0')];
    const batch = decodeBatch(ids.map((id) => ({ id, pairs: [], flaw: 'too_large' })));
    const plan = planBatch(batch as [DecodedEvent, ...DecodedEvent[]], new Map(), KEYS);
    expect(plan.entries).toBe(1);
    expect(plan.quarantined).toMatchObject([{ problem: { reason: 'entry_too_large' } }]);
  });

  test('covers a whole batch of ordinary events', () => {
    const batch = batchOf(...Array.from({ length: 500 }, () => anEntry()));
    expect(planBatch(batch, new Map(), KEYS).entries).toBe(500);
  });
});
