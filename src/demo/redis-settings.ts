import type { PrivateRedisOptions } from './private-redis-contract.ts';

export type RedisSettings = Readonly<Record<string, string>>;

/** What every private server is told, wherever it runs; the caller's own settings win. */
export function privateSettings(options: PrivateRedisOptions): RedisSettings {
  return {
    save: '',
    appendonly: options.appendOnly ? 'yes' : 'no',
    appendfsync: options.appendOnly === 'always' ? 'always' : 'everysec',
    'maxmemory-policy': 'noeviction',
    daemonize: 'no',
    ...options.settings,
  };
}

/** As command-line arguments, which are redis.conf's lines with two dashes before the name. */
export function asArguments(settings: RedisSettings): string[] {
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}

/** Where a server listens: for its clients, and as its own settings. */
export interface Address {
  readonly url: string;
  readonly settings: RedisSettings;
}

/** On this machine only. */
export function localPort(port: number, password: string | undefined): Address {
  const login = password === undefined ? '' : `:${encodeURIComponent(password)}@`;
  const settings = { port: String(port), bind: '127.0.0.1', 'protected-mode': 'yes' };
  return { url: `redis://${login}127.0.0.1:${port}`, settings };
}

/** For this user only. */
export function unixSocket(path: string): Address {
  return {
    url: `unix://${path}`,
    settings: { port: '0', unixsocket: path, unixsocketperm: '700' },
  };
}

const FIRST_PORT = 20_000;
/** Linux's first ephemeral port is 32 768. */
const PORT_COUNT = 12_000;

/**
 * A port to try, from a random number in [0, 1). Never an ephemeral one, as listening on port 0
 * gives: while the server is down, a client that reconnects to an ephemeral port of its own machine
 * may get that very port as its source, and then it is connected to itself and the port is taken.
 */
export function portToTry(random: number): number {
  return FIRST_PORT + Math.floor(random * PORT_COUNT);
}

/** Whether a server (or a Docker engine) gave up because another listens on its port. */
export function isPortTaken(output: string): boolean {
  return /address already in use|port is already allocated/i.test(output);
}
