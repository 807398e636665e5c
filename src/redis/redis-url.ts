import { isIP } from 'node:net';
import type { RedisOptions } from 'ioredis';

/** A Redis URL that cannot be used. The message says what is expected, and holds no password. */
export class RedisUrlError extends Error {
  override readonly name = 'RedisUrlError';
}

const EXPECTED =
  'must be redis://[user:password@]host:port[/db], rediss://…, ' +
  'unix://[user:password@]/path/to/socket, ' +
  'redis+sentinel://[user:password@]host:port[,host:port…]/primary-name[/db] or ' +
  'rediss+sentinel://…, with user and password percent-encoded';

const UNIX = /^unix:\/\/(?:([^@/]*)@)?(\/.+)$/;
const SENTINEL = /^redis(s?)\+sentinel:\/\/(?:([^@]*)@)?([^/?#]+)\/([^/?#]+)(?:\/(\d+))?$/;

/**
 * Turns a URL into ioredis options. The Sentinel form lists every sentinel and names the primary;
 * its credentials are those of the data nodes, and with TLS the sentinels are asked over it, too.
 *
 * @throws RedisUrlError
 */
export function parseRedisUrl(text: string): RedisOptions {
  const unix = UNIX.exec(text);
  if (unix !== null) {
    const [, userInfo = '', path = ''] = unix;
    return { path, ...credentialsIn(userInfo) };
  }
  const sentinel = SENTINEL.exec(text);
  if (sentinel !== null) {
    const [, tls = '', userInfo = '', hosts = '', primary = '', db = '0'] = sentinel;
    return {
      sentinels: hosts.split(',').map(parseHostAndPort),
      name: decode(primary),
      ...credentialsIn(userInfo),
      db: Number(db),
      ...(tls === '' ? {} : { tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true }),
    };
  }
  const url = toUrl(text);
  const isTls = url.protocol === 'rediss:';
  if (url.protocol !== 'redis:' && !isTls) throw new RedisUrlError(EXPECTED);
  const db = url.pathname.replace(/^\//, '');
  // Options in a query would be meant to do something, and would not.
  if (!/^\d*$/.test(db) || url.search !== '' || url.hash !== '') throw new RedisUrlError(EXPECTED);
  const place = hostAndPort(url, 6379);
  return {
    ...place,
    ...credentials(url.username, url.password),
    db: Number(db || 0),
    ...(isTls ? { tls: tlsTo(place.host) } : {}),
  };
}

/** Node says whom it wants only when it is told to, and proxies of many servers go by that. */
function tlsTo(host: string): RedisOptions['tls'] {
  return isIP(host) === 0 ? { servername: host } : {};
}

function credentialsIn(userInfo: string): RedisOptions {
  const colon = userInfo.indexOf(':');
  return colon < 0
    ? credentials(userInfo, '')
    : credentials(userInfo.slice(0, colon), userInfo.slice(colon + 1));
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

/** A URL of Redis for a person to read: without user, password and parameters. */
export function withoutCredentials(url: string): string {
  return url.replace(/\/\/.*@/s, '//').replace(/\?.*/s, '');
}
