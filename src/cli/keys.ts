import type { Command } from 'commander';
import { newProducer, ProducerNameSchema } from '../auth/producers.ts';
import { parseProjectPattern } from '../auth/project-pattern.ts';

/** `tasktrail keys create`: a new API key, and the line of the producers file that makes it good. */

export interface KeysCreateFlags {
  readonly name: string;
  readonly project: readonly string[];
  readonly json?: boolean;
}

export interface KeysIo {
  /** Takes a line of output, without its end. The key goes here and nowhere else. */
  readonly write: (line: string) => void;
  readonly writeError: (line: string) => void;
  /** Of a cryptographic source. */
  readonly randomBytes: (size: number) => Buffer;
}

export function addKeysCreateOptions(command: Command): Command {
  const repeated = (value: string, before: readonly string[] = []) => [...before, value];
  return command
    .description('Make an API key for a bot, and the line of the producers file for it')
    .requiredOption('--name <name>', 'who emits with it; of its own in the producers file')
    .requiredOption(
      '--project <pattern>',
      'where it may write: acme/shop, acme/*, or ** for all; may be repeated',
      repeated,
    )
    .option('--json', 'print one JSON object with the key and the entry');
}

/** Returns the exit code: 0, or 2 when the flags state no valid producer; then there is no key. */
export function createKey(flags: KeysCreateFlags, io: KeysIo): number {
  const { write, writeError, randomBytes } = io;
  const problems = problemsOf(flags);
  if (problems.length > 0) {
    for (const problem of problems) writeError(problem);
    return 2;
  }
  const { key, entry } = newProducer(flags.name, flags.project, randomBytes);
  if (flags.json === true) {
    write(JSON.stringify({ key, entry }));
    return 0;
  }
  write(key);
  write('');
  write('This key is shown once and kept nowhere: store it where the bot reads its secrets. It is');
  write('sent with every request to /events as "Authorization: Bearer <key>".');
  write('');
  write(
    'Add this line to "producers" in the file that TASK_INTAKE_PRODUCERS names; servers read it',
  );
  write('again by themselves. Taking the line out revokes the key.');
  write('');
  write(JSON.stringify(entry));
  return 0;
}

function problemsOf({ name, project }: KeysCreateFlags): string[] {
  const named = ProducerNameSchema.safeParse(name);
  const patterns = project.flatMap((text) => {
    const parsed = parseProjectPattern(text);
    return parsed.kind === 'valid' ? [] : [`--project "${text}" ${parsed.problem}`];
  });
  return [...(named.error?.issues.map(({ message }) => `--name ${message}`) ?? []), ...patterns];
}
