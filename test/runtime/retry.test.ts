import { getEventListeners } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  FatalError,
  type RetryOptions,
  retryUntilAborted,
  sleep,
} from '../../src/runtime/retry.ts';

/** Longer than any test may take. */
const FOR_EVER_MS = 3_600_000;
const MIN_MS = 2;
const MAX_MS = 16;

let stopping: AbortController;

beforeEach(() => {
  // Calls last as long as a test says, on however busy a machine.
  vi.useFakeTimers({ toFake: ['performance'] });
  stopping = new AbortController();
});

afterEach(() => {
  vi.useRealTimers();
});

/** The attempts and waits, in milliseconds, of a task that is called so often and then stopped. */
async function waitsOf(
  calls: number,
  task: (call: number) => Promise<void>,
  random: () => number,
): Promise<[attempt: number, waitMs: number][]> {
  const waits: [number, number][] = [];
  let call = 0;
  await retryUntilAborted(
    async () => {
      call += 1;
      if (call > calls) stopping.abort();
      else await task(call);
    },
    stopping.signal,
    {
      minMs: MIN_MS,
      maxMs: MAX_MS,
      onFailure: (_, attempt, waitMs) => waits.push([attempt, waitMs]),
      random,
    },
  );
  return waits;
}

const fail = () => Promise.reject(new Error('away'));

function optionsWith(onFailure: RetryOptions['onFailure']): RetryOptions {
  return { minMs: FOR_EVER_MS, maxMs: FOR_EVER_MS, onFailure };
}

describe('the waits', () => {
  test.each([
    ['longest', () => 1 - Number.EPSILON, [2, 4, 8, 16, 16, 16]],
    ['shortest', () => 0, [1, 2, 4, 8, 8, 8]],
  ])('double up to their bound where chance makes them %s', async (_, random, expected) => {
    const waits = await waitsOf(6, fail, random);
    expect(waits).toEqual(expected.map((waitMs, at) => [at + 1, waitMs]));
  });

  test('are waited', async () => {
    vi.useRealTimers();
    const startedAt = performance.now();
    const waits = await waitsOf(4, fail, () => 1 - Number.EPSILON);
    const total = waits.reduce((sum, [, waitMs]) => sum + waitMs, 0);
    // A timer may be early by a fraction of a millisecond.
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(total - waits.length);
  });

  test('begin afresh after a call that lasted longer than the longest of them', async () => {
    const failLate = (call: number) => {
      if (call === 4) vi.advanceTimersByTime(MAX_MS + 1);
      return fail();
    };
    const waits = await waitsOf(5, failLate, () => 0);
    expect(waits.map(([attempt]) => attempt)).toEqual([1, 2, 3, 1, 2]);
    expect(waits[3]).toEqual(waits[0]);
  });

  test('go on growing after a call that lasted as long as the longest of them', async () => {
    const failLate = () => {
      vi.advanceTimersByTime(MAX_MS);
      return fail();
    };
    const waits = await waitsOf(3, failLate, () => 0);
    expect(waits.map(([attempt]) => attempt)).toEqual([1, 2, 3]);
  });

  test('begin afresh after a call that succeeded, which itself is followed by none', async () => {
    const waits = await waitsOf(
      4,
      (call) => (call === 3 ? Promise.resolve() : fail()),
      () => 0,
    );
    expect(waits.map(([attempt]) => attempt)).toEqual([1, 2, 1]);
  });

  test('are of some length whatever chance says by itself', async () => {
    const waits: number[] = [];
    const onFailure = (_: unknown, __: number, waitMs: number) => {
      waits.push(waitMs);
      stopping.abort();
    };
    await retryUntilAborted(fail, stopping.signal, { minMs: 100, maxMs: 1000, onFailure });
    expect(waits[0]).toBeGreaterThanOrEqual(50);
    expect(waits[0]).toBeLessThanOrEqual(100);
  });
});

describe('an abort', () => {
  test('while it waits ends it at once, and leaves no listener', async () => {
    const failed = Promise.withResolvers<void>();
    const task = vi.fn(fail);
    const running = retryUntilAborted(
      task,
      stopping.signal,
      optionsWith(() => failed.resolve()),
    );
    await failed.promise;
    await nextTurn();
    stopping.abort();
    await running;
    expect(task).toHaveBeenCalledOnce();
    expect(getEventListeners(stopping.signal, 'abort')).toEqual([]);
  });

  test('during a call reaches the call, whose failure then is none', async () => {
    const onFailure = vi.fn();
    const running = retryUntilAborted(
      (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(new FatalError('closed')));
        }),
      stopping.signal,
      optionsWith(onFailure),
    );
    stopping.abort();
    await running;
    expect(onFailure).not.toHaveBeenCalled();
  });

  test('before the first call leaves it out', async () => {
    stopping.abort();
    const task = vi.fn(fail);
    await retryUntilAborted(task, stopping.signal, optionsWith(vi.fn()));
    expect(task).not.toHaveBeenCalled();
  });
});

test('a failure that trying again cannot mend ends it, untouched', async () => {
  const fatal = new FatalError('another layout');
  const onFailure = vi.fn();
  const task = vi.fn(() => Promise.reject(fatal));
  const running = retryUntilAborted(task, stopping.signal, optionsWith(onFailure));
  await expect(running).rejects.toBe(fatal);
  expect(task).toHaveBeenCalledOnce();
  expect(onFailure).not.toHaveBeenCalled();
});

test('a failure is told as it is', async () => {
  const failure = new Error('away');
  const onFailure = vi.fn(() => stopping.abort());
  await retryUntilAborted(() => Promise.reject(failure), stopping.signal, optionsWith(onFailure));
  expect(onFailure).toHaveBeenCalledExactlyOnceWith(failure, 1, expect.any(Number));
});

describe('a sleep', () => {
  test('ends early when the signal aborts, and leaves no listener', async () => {
    const sleeping = sleep(FOR_EVER_MS, stopping.signal);
    stopping.abort();
    await sleeping;
    expect(getEventListeners(stopping.signal, 'abort')).toEqual([]);
  });

  test('does not begin once the signal has aborted', async () => {
    stopping.abort();
    await sleep(FOR_EVER_MS, stopping.signal);
  });

  test('that ran its time leaves no listener', async () => {
    await sleep(1, stopping.signal);
    expect(getEventListeners(stopping.signal, 'abort')).toEqual([]);
  });
});
