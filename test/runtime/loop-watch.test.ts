import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LoopWatch } from '../../src/runtime/loop-watch.ts';

const BOUND_MS = 100;
let loop: LoopWatch;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  loop = new LoopWatch(BOUND_MS);
});

afterEach(() => {
  vi.useRealTimers();
});

describe('a loop', () => {
  test('does not work before its first turn, however short ago it began', () => {
    expect(loop.health()).toEqual({ ready: false, details: { idleMs: undefined } });
  });

  test('works from its first turn up to the bound, and no longer', () => {
    loop.turn();
    expect(loop.health()).toEqual({ ready: true, details: { idleMs: 0 } });
    vi.advanceTimersByTime(BOUND_MS);
    expect(loop.health()).toEqual({ ready: true, details: { idleMs: BOUND_MS } });
    vi.advanceTimersByTime(1);
    expect(loop.health()).toEqual({ ready: false, details: { idleMs: BOUND_MS + 1 } });
  });

  test('works again once it turns again', () => {
    loop.turn();
    vi.advanceTimersByTime(10 * BOUND_MS);
    loop.turn();
    vi.advanceTimersByTime(BOUND_MS - 1);
    expect(loop.health()).toEqual({ ready: true, details: { idleMs: BOUND_MS - 1 } });
  });

  test('that failed does not work until its next turn, however recent the last one', () => {
    loop.turn();
    loop.fail(new TypeError('no page'));
    expect(loop.health()).toEqual({ ready: false, details: { idleMs: 0, failure: 'TypeError' } });
    loop.turn();
    expect(loop.health()).toEqual({ ready: true, details: { idleMs: 0 } });
  });

  test('that failed before its first turn says why', () => {
    loop.fail(new Error('Connection is closed.'));
    expect(loop.health()).toMatchObject({ ready: false, details: { failure: 'Error' } });
  });

  test('adds what it is asked to tell', () => {
    loop.turn();
    expect(loop.health({ epoch: 'e1' }).details).toEqual({ epoch: 'e1', idleMs: 0 });
  });
});

test.each([
  [new Error('NOAUTH Authentication required.'), 'NOAUTH'],
  [new Error('OOM command not allowed'), 'Error'],
  [new Error('connect ECONNREFUSED 10.0.0.7:6379'), 'Error'],
  [new RangeError('task run-1 of owner/repo'), 'RangeError'],
  ['run-1', 'unknown'],
  [undefined, 'unknown'],
])('of %o the probe tells no more than %s', (failure, told) => {
  loop.turn();
  loop.fail(failure);
  expect(loop.health().details.failure).toBe(told);
});
