import type { RedisOptions } from 'ioredis';

/** A Redis URL that cannot be used. The message says what is expected, and holds no password. */
export class RedisUrlError extends Error {
  override readonly name = 'RedisUrlError';
}

const EXPECTED =
  'must be redis://[user:password@]host:port[/db], rediss://…, unix:///path/to/socket or ' +
  'redis+sentinel://[user:password@]host:port[,host:port…]/primary-name[/db]';

/**
 * Turns a URL into ioredis options. The Sentinel form lists every sentinel and names the primary;
 * its credentials are those of the data nodes.
 */
export function parseRedisUrl(text: string): RedisOptions {
  if (text.startsWith('unix://')) return { path: text.slice('unix://'.length) };
  const sentinel = /^redis\+sentinel:\/\/(?:([^@]*)@)?([^/]+)\/([^/?]+)(?:\/(\d+))?$/.exec(text);
  if (sentinel !== null) {
    const [, userInfo = '', hosts = '', primary = '', db = '0'] = sentinel;
    const [user = '', password = ''] = userInfo.split(':');
    return {
      sentinels: hosts.split(',').map(parseHostAndPort),
      name: decodeURIComponent(primary),
      ...credentials(user, password),
      db: Number(db),
    };
  }
  if (!URL.canParse(text)) throw new RedisUrlError(EXPECTED);
  const url = new URL(text);
  const isTls = url.protocol === 'rediss:';
  if ((url.protocol !== 'redis:' && !isTls) || url.hostname === '') {
    throw new RedisUrlError(EXPECTED);
  }
  const db = url.pathname.replace(/^\//, '');
  if (!/^\d*$/.test(db)) throw new RedisUrlError(EXPECTED);
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port || 6379),
    ...credentials(url.username, url.password),
    db: Number(db || 0),
    ...(isTls ? { tls: {} } : {}),
  };
}

function credentials(user: string, password: string): RedisOptions {
  return {
    ...(user === '' ? {} : { username: decodeURIComponent(user) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
  };
}

function parseHostAndPort(text: string): { host: string; port: number } {
  const url = `redis://${text}`;
  if (!URL.canParse(url)) throw new RedisUrlError(EXPECTED);
  const { hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port || 26379) };
}
