import { access, constants, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/** A server's program, and the name to call it by. */
export interface RedisProgram {
  readonly file: string;
  readonly calledAs: 'redis-server' | 'valkey-server';
}

export type RedisFinder = () => Promise<RedisProgram | undefined>;

/**
 * File names in the order of preference. The checkers are the same program as the server, which
 * decides by the name it is called by: Debian's redis-tools brings them without redis-server, whose
 * package would start a service for the whole machine. scripts/find-redis.mjs has the same list.
 */
const PROGRAMS = [
  { name: 'redis-server', calledAs: 'redis-server' },
  { name: 'valkey-server', calledAs: 'valkey-server' },
  { name: 'redis-check-rdb', calledAs: 'redis-server' },
  { name: 'valkey-check-rdb', calledAs: 'valkey-server' },
] as const;

/** Where packages put servers although a user's PATH may not lead there. */
const USUAL_DIRECTORIES = [
  '/usr/local/bin',
  '/usr/local/sbin',
  '/usr/sbin',
  '/opt/homebrew/bin',
  '/home/linuxbrew/.linuxbrew/bin',
];

/** Looks for a server in a search path as the shell spells it, then where packages put them. */
export function redisOnPath(searchPath: string | undefined): RedisFinder {
  const directories = [
    ...(searchPath ?? '').split(delimiter).filter(Boolean),
    ...USUAL_DIRECTORIES,
  ];
  return async () => {
    for (const { name, calledAs } of PROGRAMS) {
      for (const directory of directories) {
        const file = join(directory, name);
        if (await isProgram(file)) return { file, calledAs };
      }
    }
    return undefined;
  };
}

/** Finds nothing, so that a container is used although a server may be installed. */
export const noRedisProgram: RedisFinder = async () => undefined;

async function isProgram(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}
