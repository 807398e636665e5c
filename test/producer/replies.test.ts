import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { judgeReply, plainError } from '../../packages/producer/src/replies.ts';

function replyError(message: string): Error {
  return Object.assign(new Error(message), { name: 'ReplyError' });
}

describe('a reply to XADD', () => {
  test('with an id means that the event was appended', () => {
    expect(judgeReply([null, '1795211160000-0'])).toEqual({
      kind: 'appended',
      id: '1795211160000-0',
    });
  });

  test.for([
    'WRONGTYPE Operation against a key holding the wrong kind of value',
    'NOPERM this user has no permissions to run the xadd command',
    'ERR unknown command',
  ])('that no repetition would change is permanent: %s', (message) => {
    const verdict = judgeReply([replyError(message)]);
    expect(verdict).toMatchObject({ kind: 'refused', code: message.split(' ')[0] });
  });

  test.for([
    'LOADING Redis is loading the dataset in memory',
    "READONLY You can't write against a read only replica.",
    'MASTERDOWN Link with MASTER is down',
    "OOM command not allowed when used memory > 'maxmemory'.",
    'MISCONF Redis is configured to save RDB snapshots',
    'NOREPLICAS Not enough good replicas to write.',
    'BUSY Redis is busy running a script.',
    'CLUSTERDOWN The cluster is down',
    'TRYAGAIN Multiple keys request during rehashing of slot',
    'NOAUTH Authentication required.',
    'SOMETHINGNEW that this package does not know',
  ])('that may pass is retried: %s', (message) => {
    expect(judgeReply([replyError(message)])).toMatchObject({ kind: 'retry' });
  });

  test('that never came is retried, whatever the failure says', () => {
    expect(judgeReply([new Error('ERR in a connection, not from Redis')])).toMatchObject({
      kind: 'retry',
    });
  });

  test('with no id is not repeated, since the event is somewhere', () => {
    expect(judgeReply([null, 'QUEUED'])).toMatchObject({ kind: 'refused' });
  });
});

test('no error carries the command that failed, whose arguments may be a password', () => {
  const error = Object.assign(new Error('WRONGPASS invalid username-password pair'), {
    command: { name: 'hello', args: ['3', 'AUTH', 'bot', 'secret'] },
  });
  expect(inspect(error)).toContain('secret');
  expect(inspect(plainError(error))).not.toContain('secret');
});
