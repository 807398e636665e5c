import { expect, test } from 'vitest';
import { NamedKeys } from '../../src/redis/named-keys.ts';

test('a key is passed once, and named by its place as Lua counts', () => {
  const named = new NamedKeys('first', 'second');
  expect([named.placeOf('a'), named.placeOf('b'), named.placeOf('a')]).toEqual([3, 4, 3]);
  expect(named.names).toEqual(['first', 'second', 'a', 'b']);
});
