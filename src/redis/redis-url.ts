import type { RedisOptions } from 'ioredis';

/** A Redis URL that cannot be used. The message says what is expected, and holds no password. */
export class RedisUrlError extends Error {
  override readonly name = 'RedisUrlError';
}

const EXPECTED =
  'must be redis://[user:password@]host:port[/db], rediss://…, unix:///path/to/socket or ' +
  'redis+sentinel://[user:password@]host:port[,host:port…]/primary-name[/db], ' +
  'with user and password percent-encoded';

const SENTINEL = /^redis\+sentinel:\/\/(?:([^@]*)@)?([^/?#]+)\/([^/?#]+)(?:\/(\d+))?$/;

/**
 * Turns a URL into ioredis options. The Sentinel form lists every sentinel and names the primary;
 * its credentials are those of the data nodes.
 *
 * @throws RedisUrlError
 */
export function parseRedisUrl(text: string): RedisOptions {
  if (text.startsWith('unix:///')) return { path: text.slice('unix://'.length) };
  const sentinel = SENTINEL.exec(text);
  if (sentinel !== null) {
    const [, userInfo = '', hosts = '', primary = '', db = '0'] = sentinel;
    const colon = userInfo.indexOf(':');
    return {
      sentinels: hosts.split(',').map(parseHostAndPort),
      name: decode(primary),
      ...(colon < 0
        ? credentials(userInfo, '')
        : credentials(userInfo.slice(0, colon), userInfo.slice(colon + 1))),
      db: Number(db),
    };
  }
  const url = toUrl(text);
  const isTls = url.protocol === 'rediss:';
  if (url.protocol !== 'redis:' && !isTls) throw new RedisUrlError(EXPECTED);
  const db = url.pathname.replace(/^\//, '');
  // Options in a query would be meant to do something, and would not.
  if (!/^\d*$/.test(db) || url.search !== '' || url.hash !== '') throw new RedisUrlError(EXPECTED);
  return {
    ...hostAndPort(url, 6379),
    ...credentials(url.username, url.password),
    db: Number(db || 0),
    ...(isTls ? { tls: {} } : {}),
  };
}

function credentials(user: string, password: string): RedisOptions {
  return {
    ...(user === '' ? {} : { username: decode(user) }),
    ...(password === '' ? {} : { password: decode(password) }),
  };
}

function parseHostAndPort(text: string): { host: string; port: number } {
  return hostAndPort(toUrl(`redis://${text}`), 26379);
}

function hostAndPort(url: URL, defaultPort: number): { host: string; port: number } {
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port || defaultPort),
  };
}

function toUrl(text: string): URL {
  if (!URL.canParse(text)) throw new RedisUrlError(EXPECTED);
  const url = new URL(text);
  if (url.hostname === '') throw new RedisUrlError(EXPECTED);
  return url;
}

/** The error of a percent sign that escapes nothing would not name the setting at fault. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new RedisUrlError(EXPECTED);
  }
}
