import { expect, test } from 'vitest';
import { Tally } from './tally.ts';

test.each([
  ["-OOM command not allowed when used memory > 'maxmemory'.\r\n", 'OOM replies'],
  ['-LOADING Redis is loading the dataset in memory\r\n', 'LOADING replies'],
  ["-READONLY You can't write against a read only replica.\r\n", 'READONLY replies'],
  ['-MASTERDOWN Link with MASTER is down\r\n', 'READONLY replies'],
] as const)('%j counts among %s', (reply, incident) => {
  const tally = new Tally();
  tally.judgeReply(Buffer.from(reply));
  expect(tally.entries()).toEqual([[incident, 1]]);
});

test.each(['+OK\r\n', '$3\r\n-OOM\r\n', '-ERR unknown command\r\n', '-', ''])(
  '%j counts as nothing',
  (reply) => {
    const tally = new Tally();
    tally.judgeReply(Buffer.from(reply));
    expect(tally.entries()).toEqual([]);
  },
);

test('what happened no times is not among what happened', () => {
  const tally = new Tally();
  tally.add('events that Redis lost', 0);
  tally.add('processes killed', 2);
  tally.add('processes killed');
  expect(tally.entries()).toEqual([['processes killed', 3]]);
  expect(tally.of('events that Redis lost')).toBe(0);
});
