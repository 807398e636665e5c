import { describe, expect, test } from 'vitest';
import { parseRedisUrl, RedisUrlError, withoutCredentials } from '../../src/redis/redis-url.ts';

describe('a Redis URL', () => {
  test.for([
    ['redis://localhost', { host: 'localhost', port: 6379, db: 0 }],
    ['redis://localhost:7000', { host: 'localhost', port: 7000, db: 0 }],
    ['redis://localhost:7000/', { host: 'localhost', port: 7000, db: 0 }],
    ['redis://localhost/3', { host: 'localhost', port: 6379, db: 3 }],
    ['REDIS://localhost', { host: 'localhost', port: 6379, db: 0 }],
    ['redis://10.0.0.1:7000', { host: '10.0.0.1', port: 7000, db: 0 }],
    ['redis://[::1]:7000/1', { host: '::1', port: 7000, db: 1 }],
    ['redis://:secret@h', { host: 'h', port: 6379, password: 'secret', db: 0 }],
    ['redis://ana:secret@h', { host: 'h', port: 6379, username: 'ana', password: 'secret', db: 0 }],
    ['redis://ana@h', { host: 'h', port: 6379, username: 'ana', db: 0 }],
    ['redis://:a%40b%2Fc%25@h', { host: 'h', port: 6379, password: 'a@b/c%', db: 0 }],
    ['redis://:a:b@h', { host: 'h', port: 6379, password: 'a:b', db: 0 }],
    ['rediss://h:7000', { host: 'h', port: 7000, db: 0, tls: { servername: 'h' } }],
    ['rediss://127.0.0.1:7000', { host: '127.0.0.1', port: 7000, db: 0, tls: {} }],
    ['rediss://[::1]', { host: '::1', port: 6379, db: 0, tls: {} }],
    ['unix:///run/redis.sock', { path: '/run/redis.sock' }],
    ['unix:///run/a@b:c.sock', { path: '/run/a@b:c.sock' }],
    ['unix://ana@/run/redis.sock', { path: '/run/redis.sock', username: 'ana' }],
    [
      'unix://ana:a%40b%2Fc@/run/redis.sock',
      { path: '/run/redis.sock', username: 'ana', password: 'a@b/c' },
    ],
    [
      'redis+sentinel://s1:26379/main',
      { sentinels: [{ host: 's1', port: 26379 }], name: 'main', db: 0 },
    ],
    [
      'redis+sentinel://ana:a%3Ab@s1,s2:5000,[::1]:5001/my%20primary/2',
      {
        sentinels: [
          { host: 's1', port: 26379 },
          { host: 's2', port: 5000 },
          { host: '::1', port: 5001 },
        ],
        name: 'my primary',
        username: 'ana',
        password: 'a:b',
        db: 2,
      },
    ],
    [
      'redis+sentinel://:a:b@s1/main',
      { sentinels: [{ host: 's1', port: 26379 }], name: 'main', password: 'a:b', db: 0 },
    ],
    [
      'rediss+sentinel://s1/main',
      {
        sentinels: [{ host: 's1', port: 26379 }],
        name: 'main',
        db: 0,
        tls: {},
        sentinelTLS: {},
        enableTLSForSentinelMode: true,
      },
    ],
  ])('%s is understood', ([text, options]) => {
    expect(parseRedisUrl(text as string)).toEqual(options);
  });

  test.for([
    '',
    'localhost',
    'localhost:6379',
    'http://localhost',
    'redis:localhost',
    'redis://',
    'redis:///0',
    'redis://h:port',
    'redis://h:99999',
    'redis://h/zero',
    'redis://h/-1',
    'redis://h/0/1',
    'redis://h?db=1',
    'redis://h#1',
    'redis://:100%@h',
    'redis://:a%ffb@h',
    'unix://',
    'unix://relative.sock',
    'redis+sentinel://',
    'redis+sentinel://s1',
    'redis+sentinel://s1/',
    'redis+sentinel:///main',
    'redis+sentinel://s1,,s2/main',
    'redis+sentinel://s1,/main',
    'redis+sentinel://s1:port/main',
    'redis+sentinel://s1/main/zero',
    'redis+sentinel://s1/100%',
    'redis+sentinel://:100%@s1/main',
    'redis+sentinel://s1/main?x=1',
    'redisss+sentinel://s1/main',
    'unix://ana@run/redis.sock',
    'unix://ana:100%@/run/redis.sock',
  ])('%j is refused, with what is expected instead', (text) => {
    const error = thrownBy(() => parseRedisUrl(text));
    expect(error).toBeInstanceOf(RedisUrlError);
    expect((error as Error).message).toContain('redis://[user:password@]host:port');
  });

  test.for([
    'redis://ana:hunter2@h/x',
    'redis://ana:hunter2%@h',
    'http://ana:hunter2@h',
    'redis+sentinel://ana:hunter2@,/main',
    'unix://ana:hunter2@h',
  ])('%s is refused without a word of its password', (text) => {
    const error = thrownBy(() => parseRedisUrl(text)) as Error;
    expect(error).toBeInstanceOf(RedisUrlError);
    expect(`${error.message}${error.stack}${JSON.stringify(error)}`).not.toContain('hunter2');
    expect(error.cause).toBeUndefined();
  });
});

test.for([
  ['redis://127.0.0.1:6379/1', 'redis://127.0.0.1:6379/1'],
  ['redis://user:p@ss/word@redis.internal:6379', 'redis://redis.internal:6379'],
  ['rediss://:secret@redis.internal', 'rediss://redis.internal'],
  ['redis://redis.internal?password=secret', 'redis://redis.internal'],
  [
    'redis+sentinel://u:secret@a:26379,b:26379/primary/0',
    'redis+sentinel://a:26379,b:26379/primary/0',
  ],
  ['unix:///run/redis.sock', 'unix:///run/redis.sock'],
  ['unix://user:secret@/run/redis.sock', 'unix:///run/redis.sock'],
] as const)('%s is shown as %s', ([url, shown]) => {
  expect(withoutCredentials(url)).toBe(shown);
});

function thrownBy(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}
