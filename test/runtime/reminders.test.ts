import { describe, expect, test } from 'vitest';
import { Reminders } from '../../src/runtime/reminders.ts';

describe('what happens again and again', () => {
  test('is said at first, and then each minute', () => {
    const reminders = new Reminders();
    const said: number[] = [];
    for (let second = 0; second <= 180; second += 1) {
      if (reminders.isDue('Redis is away', second * 1000)) said.push(second);
    }
    expect(said).toEqual([0, 60, 120, 180]);
  });

  test('does not hide anything else', () => {
    const reminders = new Reminders();
    const isDue = (what: string) => reminders.isDue(what, 0);
    expect(['a', 'b', 'a', 'b', 'c'].map(isDue)).toEqual([true, true, false, false, true]);
  });

  test('is said at once when it is back after a silence', () => {
    const reminders = new Reminders();
    const at = [0, 1000, 9000, 18_999, 29_000];
    const said = at.filter((nowMs) => reminders.isDue('Redis is away', nowMs));
    expect(said).toEqual([0, 29_000]);
  });
});
