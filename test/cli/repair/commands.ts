import { Command, CommanderError } from 'commander';
import { addRepairCommands } from '../../../src/cli/repair/repair.ts';
import type { RepairIo } from '../../../src/cli/repair/run.ts';
import { KEYS } from '../../../src/redis/keys.ts';
import { asUser } from '../../fixtures/redis-users.ts';

export interface Outcome {
  readonly code: number;
  readonly out: readonly string[];
  readonly err: readonly string[];
}

/** Runs `tasktrail check`, `repair` or `rebuild` in this process, as the program does. */
export async function run(
  redisUrl: string,
  argv: readonly string[],
  changes: Partial<RepairIo> = {},
): Promise<Outcome> {
  const out: string[] = [];
  const err: string[] = [];
  let code = 0;
  const write = (line: string) => void out.push(line);
  const writeError = (line: string) => void err.push(line);
  const program = new Command('tasktrail').exitOverride();
  const add = (name: string) =>
    program.command(name).exitOverride().configureOutput({ writeErr: writeError, writeOut: write });
  addRepairCommands(add, async (work) => {
    const redis = { url: asUser(redisUrl, 'operator') };
    const { signal } = new AbortController();
    code = await work({ redis, keys: KEYS, write, writeError, signal, ...changes });
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    code = error.exitCode === 0 ? 0 : 2;
  }
  return { code, out, err };
}
