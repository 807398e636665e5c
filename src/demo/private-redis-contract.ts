import type { RedisFinder } from './redis-program.ts';

/**
 * A Redis or Valkey server of one's own: for the demo, and for each file of tests that needs a real
 * Redis. It starts empty, listens on this machine only, evicts nothing, and is gone after `stop`.
 *
 * Where the finder finds no server program, a container takes its place. Nothing here reads the
 * environment; the search path comes in through the finder.
 */
export interface PrivateRedisOptions {
  /** How the server's program is found: `redisOnPath(…)`. Finding none means: a container. */
  readonly finder: RedisFinder;
  /**
   * Whether a restart finds the data again. True syncs to the disk once a second, which loses
   * nothing to any `kill`; `always` syncs each write. Default: nothing is kept.
   */
  readonly appendOnly?: boolean | 'always' | undefined;
  /** Listen on a Unix socket instead of TCP. Default false; a container cannot. */
  readonly unixSocket?: boolean | undefined;
  /** Further settings, as redis.conf names them: `{ maxmemory: '10mb' }`. They win. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
  /** The container's image. Default `redis:8-alpine`. */
  readonly image?: string | undefined;
  /** How long a start may take, loading the data included. Default 15 000; container 120 000. */
  readonly startTimeoutMs?: number | undefined;
}

/**
 * - running: answers, unless its own settings forbid it;
 * - paused: connections stay open and get no answer;
 * - down: killed, or died; connections are refused until `restart`;
 * - stopped: for good, its files removed.
 */
export type PrivateRedisState = 'running' | 'paused' | 'down' | 'stopped';

export interface PrivateRedis extends AsyncDisposable {
  /** `redis://…` or `unix://…`; stays the same across restarts. A container's has a password. */
  readonly url: string;
  readonly kind: 'spawned' | 'container';
  readonly state: PrivateRedisState;
  /** Ends the server as by that signal (default SIGKILL); resolves once it is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Freezes the server, as a network that swallows every packet would. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Starts again at the same address with what was kept; a server still up is killed first. */
  restart(): Promise<void>;
  /** Ends the server and removes all its files. May be called again, and twice at once. */
  stop(): Promise<void>;
}

/** A private server could not start, or cannot do what was asked. The message says the remedy. */
export class PrivateRedisError extends Error {
  override readonly name = 'PrivateRedisError';
}
