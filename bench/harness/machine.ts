import { execFile } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Where something was measured. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly linux: string;
  readonly node: string;
  readonly redis: string;
}

export async function describeMachine(): Promise<Machine> {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    linux: release(),
    node: process.versions.node,
    redis: /v=([\d.]+)/.exec(await saidBy('redis-server', '--version'))?.[1] ?? 'none',
  };
}

/** The program's version in git: with `+` where files were changed and not committed. */
export async function commitOf(): Promise<string> {
  const commit = await saidBy('git', 'rev-parse', '--short', 'HEAD');
  if (commit === '') return 'unknown';
  const changes = await saidBy('git', 'status', '--porcelain', '--', ':!bench/results', ':!*.md');
  return changes === '' ? commit : `${commit}+`;
}

async function saidBy(command: string, ...args: string[]): Promise<string> {
  try {
    return (await run(command, args)).stdout.trim();
  } catch {
    return '';
  }
}
