import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { DeadlineError, withDeadline } from '../../src/runtime/deadline.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});

afterEach(() => {
  vi.useRealTimers();
});

/** What was rejected and handled by nobody, from now to the end of the test. */
function watchUnhandled(): readonly unknown[] {
  const unhandled: unknown[] = [];
  const listener = (reason: unknown) => unhandled.push(reason);
  process.on('unhandledRejection', listener);
  onTestFinished(() => {
    process.off('unhandledRejection', listener);
  });
  return unhandled;
}

describe('work within its deadline', () => {
  test('gives its result, and leaves no timer', async () => {
    expect(await withDeadline(Promise.resolve('done'), 100, 'work')).toBe('done');
    expect(vi.getTimerCount()).toBe(0);
  });

  test('gives its own failure, and leaves no timer', async () => {
    const failure = new Error('refused');
    await expect(withDeadline(Promise.reject(failure), 100, 'work')).rejects.toBe(failure);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('work that takes longer', () => {
  test('is given up at the deadline, not before, and leaves no timer', async () => {
    const settled = vi.fn();
    const waiting = withDeadline(new Promise(() => {}), 100, 'reading');
    waiting.catch(settled);
    await vi.advanceTimersByTimeAsync(99);
    expect(settled).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(settled).toHaveBeenCalledOnce();
    await expect(waiting).rejects.toThrow(DeadlineError);
    await expect(waiting).rejects.toMatchObject({
      afterMs: 100,
      message: 'reading gave no answer within 100 ms',
    });
    expect(vi.getTimerCount()).toBe(0);
  });

  test('may fail later without a rejection that nobody handles', async () => {
    const unhandled = watchUnhandled();
    const work = Promise.withResolvers<never>();
    const waiting = withDeadline(work.promise, 100, 'work');
    const refused = expect(waiting).rejects.toThrow(DeadlineError);
    await vi.advanceTimersByTimeAsync(100);
    await refused;
    work.reject(new Error('too late'));
    await nextTurn();
    expect(unhandled).toEqual([]);
  });

  test('and fails when nobody waits any more leaves nothing behind either', async () => {
    const unhandled = watchUnhandled();
    await withDeadline(Promise.resolve(), 100, 'work');
    await vi.advanceTimersByTimeAsync(1000);
    await nextTurn();
    expect(unhandled).toEqual([]);
  });
});
