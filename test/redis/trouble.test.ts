import { describe, expect, test } from 'vitest';
import { judgeFailure } from '../../src/redis/trouble.ts';
import { DeadlineError } from '../../src/runtime/deadline.ts';

function answer(message: string): Error {
  return Object.assign(new Error(message), { name: 'ReplyError' });
}

describe('an answer of Redis', () => {
  test.for([
    'WRONGTYPE Operation against a key holding the wrong kind of value',
    'NOPERM this user has no permissions',
    "ERR unknown command 'NONSENSE'",
    'BADENTRY an entry of 3 texts cannot be appended',
    'OTHERLAYOUT task-tracking:projector has layout 9',
  ])('lasts: %s', (message) => {
    expect(judgeFailure(answer(message))).toBe('lasts');
  });

  test.for([
    ...['LOADING', 'READONLY', 'MASTERDOWN', 'OOM', 'MISCONF', 'NOREPLICAS', 'BUSY', 'CLUSTERDOWN'],
    ...['TRYAGAIN', 'UNBLOCKED', 'NOAUTH', 'WRONGPASS', 'EXECABORT', 'ERRATIC', ''],
  ])('passes, or may: %s', (code) => {
    expect(judgeFailure(answer(`${code} now`))).toBe('passes');
  });
});

describe('a failure without an answer', () => {
  test.for(['Connection is closed.', 'connect ETIMEDOUT', 'getaddrinfo EAI_AGAIN', 'ERR'])(
    'of the connection passes: %s',
    (message) => {
      expect(judgeFailure(new Error(message))).toBe('passes');
    },
  );

  test('for lack of time passes', () => {
    expect(judgeFailure(new DeadlineError('Redis', 100))).toBe('passes');
  });

  test('of the program lasts', () => {
    expect(judgeFailure(new TypeError('x is not a function'))).toBe('lasts');
    expect(judgeFailure('a text')).toBe('lasts');
  });
});
