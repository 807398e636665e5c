import { Command, CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';
import { addEmitOptions, eventFromFlags, requestOf } from '../../../src/cli/emit/events.ts';

function parse(...argv: string[]) {
  return eventFromFlags(parsed(argv).opts());
}

function request(...argv: string[]) {
  const command = parsed(argv);
  return requestOf(command.args, command.opts());
}

function parsed(argv: readonly string[]): Command {
  const command = addEmitOptions(new Command('emit'))
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  return command.parse(argv, { from: 'user' });
}

describe('flags', () => {
  test('state an event', () => {
    const flags =
      '--execution-id run-1 --project acme/app --status in_progress --task-name Build --flow ci ' +
      '--message compiling --attempt 2 --event-id e-1 --occurred-at 2026-11-20T12:00:00Z ' +
      '--actor slack:U1 --pr-link https://example.com/1 --pr-link https://example.com/2 ' +
      '--responsible google:ana@example.com --responsible github:bo';
    expect(parse(...flags.split(' '))).toEqual({
      executionId: 'run-1',
      project: 'acme/app',
      status: 'in_progress',
      taskName: 'Build',
      flow: 'ci',
      message: 'compiling',
      attempt: 2,
      eventId: 'e-1',
      occurredAt: '2026-11-20T12:00:00Z',
      actor: { provider: 'slack', id: 'U1' },
      prLinks: ['https://example.com/1', 'https://example.com/2'],
      visibility: { responsibleUsers: ['google:ana@example.com', 'github:bo'] },
    });
  });

  test('that are absent state nothing', () => {
    expect(parse()).toBeUndefined();
  });

  test('that are not about the event make none', () => {
    expect(eventFromFlags({ redisUrl: 'redis://localhost' } as object)).toBeUndefined();
  });

  test('keep an empty text, which clears a field', () => {
    expect(parse('--execution-id', 'run-1', '--message', '')).toEqual({
      executionId: 'run-1',
      message: '',
    });
  });

  test('keep every colon of an actor but the first', () => {
    expect(parse('--actor', 'ldap:cn:ana')?.actor).toEqual({ provider: 'ldap', id: 'cn:ana' });
  });

  test('take no status that there is not', () => {
    expect(() => parse('--status', 'done')).toThrow(CommanderError);
  });
});

describe('what is asked for', () => {
  test('is an event when a flag is about one', () => {
    expect(request('--execution-id', 'run-1', '--quiet')).toEqual({
      kind: 'event',
      event: { executionId: 'run-1' },
    });
  });

  test('is standard input when there is nothing else; no file has its name', () => {
    expect(request('--quiet')).toEqual({ kind: 'standard_input', name: '' });
    expect(request('--name', 'nightly')).toEqual({ kind: 'standard_input', name: 'nightly' });
  });

  test('is files, called as they are wherever they are', () => {
    expect(request('/data/a.ndjson', 'b.ndjson')).toEqual({
      kind: 'files',
      files: [
        { path: '/data/a.ndjson', name: 'a.ndjson' },
        { path: 'b.ndjson', name: 'b.ndjson' },
      ],
    });
    expect(request('a.ndjson', '--name', 'nightly')).toMatchObject({
      files: [{ path: 'a.ndjson', name: 'nightly' }],
    });
  });

  test.for([
    [['--execution-id', 'run-1', 'a.ndjson'], 'from flags or from files, not both'],
    [['--execution-id', 'run-1', '--name', 'nightly'], '--name is for files and standard input'],
    [['a.ndjson', 'b.ndjson', '--name', 'nightly'], '--name names one file'],
    [['one/a.ndjson', 'two/a.ndjson'], 'two files are called a.ndjson'],
  ] as const)('%j is wrong usage', ([argv, problem]) => {
    expect(request(...argv)).toEqual({
      kind: 'wrong_usage',
      problem: expect.stringContaining(problem),
    });
  });
});
