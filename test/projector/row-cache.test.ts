import { expect, test } from 'vitest';
import { RowCache } from '../../src/projector/row-cache.ts';
import { aTask } from '../read-model/stored-tasks.ts';

const MANY = 1000;
const idOf = (n: number) => `run-${n}`;

function held(cache: RowCache): string[] {
  return Array.from({ length: MANY }, (_, n) => idOf(n)).filter((id) => cache.get(id));
}

test('a row that was put is the one that is got, and the last one of its execution', () => {
  const cache = new RowCache(1_000_000);
  expect(cache.get('run-1')).toBeUndefined();
  cache.put(aTask({ executionId: 'run-1', status: 'queued' }));
  const later = aTask({ executionId: 'run-1', status: 'success' });
  cache.put(later);
  expect(cache.get('run-1')).toBe(later);
});

test('INV6: it holds no more than its bytes, of small rows and of large ones', () => {
  for (const message of [null, 'x'.repeat(2000)]) {
    const cache = new RowCache(100_000);
    for (let n = 0; n < MANY; n += 1) cache.put(aTask({ executionId: idOf(n), message }));
    const least = message === null ? 1000 : 2 * message.length;
    const ids = held(cache);
    expect(ids.length).toBeGreaterThan(0);
    expect(ids.length * least).toBeLessThan(100_000);
    expect(ids).toContain(idOf(MANY - 1));
  }
});

test('a row that is put again and again takes its place once', () => {
  const cache = new RowCache(100_000);
  cache.put(aTask({ executionId: idOf(0) }));
  for (let n = 0; n < MANY; n += 1) cache.put(aTask({ executionId: idOf(1) }));
  expect(held(cache)).toEqual([idOf(0), idOf(1)]);
});

test('a row that is asked for outlives those that are not', () => {
  const cache = new RowCache(100_000);
  const asked = aTask({ executionId: 'asked' });
  cache.put(asked);
  for (let n = 0; n < MANY; n += 1) {
    cache.put(aTask({ executionId: idOf(n) }));
    expect(cache.get('asked')).toBe(asked);
  }
  expect(cache.get(idOf(0))).toBeUndefined();
});
