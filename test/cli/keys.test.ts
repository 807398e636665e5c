import { randomBytes } from 'node:crypto';
import { Command, CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';
import { parseProducers } from '../../src/auth/producers.ts';
import { addKeysCreateOptions, createKey, type KeysCreateFlags } from '../../src/cli/keys.ts';

function flagsOf(...argv: string[]): KeysCreateFlags {
  const command = addKeysCreateOptions(new Command('create'))
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  return command.parse(argv, { from: 'user' }).opts();
}

/** What the command answers to its arguments. */
function create(...argv: string[]) {
  const output: string[] = [];
  const errors: string[] = [];
  const code = createKey(flagsOf(...argv), {
    write: (line) => output.push(line),
    writeError: (line) => errors.push(line),
    randomBytes,
  });
  return { code, output, errors };
}

function finds(line: string, key: string): string | undefined {
  const parsed = parseProducers(`{"producers":[${line}]}`);
  if (parsed.kind === 'invalid') expect.fail(parsed.problems.join());
  return parsed.value.findByKey(key)?.name;
}

const NIGHTLY = ['--name', 'nightly', '--project', 'houlak/*', '--project', 'acme/**'];

describe('keys create', () => {
  test('prints the key once, what to do with it, and the line for the file', () => {
    const { code, output, errors } = create(...NIGHTLY);
    expect({ code, errors }).toEqual({ code: 0, errors: [] });
    const [key = ''] = output;
    expect(key).toMatch(/^ttk_[\w-]{43}$/);
    expect(output.join('\n').split(key)).toHaveLength(2);
    expect(output.join('\n')).toContain('Authorization: Bearer');
    expect(output.join('\n')).toContain('TASK_INTAKE_PRODUCERS');
    const line = output.at(-1) ?? '';
    expect(JSON.parse(line)).toMatchObject({ name: 'nightly', projects: ['houlak/*', 'acme/**'] });
    expect(finds(line, key)).toBe('nightly');
  });

  test('prints one JSON object where that is asked for', () => {
    const { code, output } = create(...NIGHTLY, '--json');
    expect(code).toBe(0);
    expect(output).toHaveLength(1);
    const { key, entry, ...rest } = JSON.parse(output[0] ?? '');
    expect(rest).toEqual({});
    expect(finds(JSON.stringify(entry), key)).toBe('nightly');
  });

  test('makes another key each time', () => {
    expect(create(...NIGHTLY).output[0]).not.toBe(create(...NIGHTLY).output[0]);
  });

  test('makes no key for what the file would refuse, and says all that is wrong', () => {
    const argv = ['--name', 'a b', '--project', '*', '--project', 'acme', '--project', 'acme/*'];
    for (const json of [[], ['--json']]) {
      expect(create(...argv, ...json)).toEqual({
        code: 2,
        output: [],
        errors: [
          '--name must be 1 to 100 printable characters, no spaces',
          '--project "*" must be ** to mean every project',
          expect.stringMatching(/^--project "acme" can match no project/),
        ],
      });
    }
  });

  test.each([[[]], [['--name', 'nightly']], [['--project', 'houlak/*']]])(
    'needs a name and a project: %j',
    (argv) => {
      expect(() => flagsOf(...argv)).toThrow(CommanderError);
    },
  );
});
