import { ERROR_CODES } from '@tasktrail/contract';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { openApiDocument } from '../../src/http/openapi.ts';
import { dashboardRoutes } from '../../src/http/routes.ts';
import { expectNoInternals } from './internals.ts';

const finds = (body: string, headers = {}) => {
  try {
    expectNoInternals(body, headers);
    return false;
  } catch {
    return true;
  }
};

test('what every answer is searched for is found in what programs say when they fail', async () => {
  const away = new Redis({ port: 1, host: '127.0.0.1', lazyConnect: true, retryStrategy: null });
  away.on('error', () => undefined);
  const refused: Error = await away.connect().then(
    () => expect.fail('there is a Redis on port 1'),
    (error: Error) => error,
  );
  const said = [
    new Error('boom').stack,
    refused.message,
    String(new TypeError('x is undefined')),
    JSON.stringify({ message: new Error('boom').stack }),
    'WRONGTYPE Operation against a key holding the wrong kind of value',
    'NOSCRIPT No matching script.',
    "NOPERM User server has no permissions to run the 'set' command",
    'MISCONF Redis is configured to save RDB snapshots',
    "READONLY You can't write against a read only replica.",
    "OOM command not allowed when used memory > 'maxmemory'.",
    'LOADING Redis is loading the dataset in memory',
    'ERR unknown command',
    'ERR Error running script',
    'the key task-tracking:execution:run-1 is no hash',
    'redis://user:password@10.0.0.1:6379',
    '/srv/tasktrail/dist/src/http/server.js',
    'file:///app/src/main.ts:10:3',
    '[object Object]',
    'Unexpected token \'<\', "<html>" is not valid JSON',
    'Command timed out',
    'Connection is closed.',
    "Stream isn't writeable and enableOfflineQueue options is false",
  ];
  expect(said.filter((text) => !finds(text ?? ''))).toEqual([]);
  expect(finds('', { 'x-any': ['fine', 'Error: boom'] })).toBe(true);
});

test('what the server has to say itself is none of it', () => {
  const limits = { defaultLimit: 50, maxLimit: 200 };
  const said = [...Object.values(ERROR_CODES), openApiDocument(dashboardRoutes(limits), '1.0.0')];
  for (const text of said) expectNoInternals(JSON.stringify(text), {});
});
