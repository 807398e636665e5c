import { Command, CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';
import {
  addEmitOptions,
  eventFromFlags,
  eventFromLine,
  withoutCredentials,
} from '../../src/cli/emit-events.ts';

function parse(...argv: string[]) {
  const command = addEmitOptions(new Command('emit'))
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  return eventFromFlags(command.parse(argv, { from: 'user' }).opts());
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

describe('a line', () => {
  test('states the event that its JSON object is', () => {
    expect(eventFromLine('{"executionId":"run-1","attempt":2}')).toEqual({
      executionId: 'run-1',
      attempt: 2,
    });
  });

  test.for(['nonsense', '"text"', 'null', '[]', '{"executionId":'])('%s states none', (line) => {
    expect(eventFromLine(line)).toBeUndefined();
  });
});

test.for([
  ['redis://127.0.0.1:6379/1', 'redis://127.0.0.1:6379/1'],
  ['redis://user:p@ss/word@redis.internal:6379', 'redis://redis.internal:6379'],
  ['rediss://:secret@redis.internal', 'rediss://redis.internal'],
  ['redis://redis.internal?password=secret', 'redis://redis.internal'],
  [
    'redis+sentinel://u:secret@a:26379,b:26379/primary/0',
    'redis+sentinel://a:26379,b:26379/primary/0',
  ],
  ['unix:///run/redis.sock', 'unix:///run/redis.sock'],
] as const)('%s is shown as %s', ([url, shown]) => {
  expect(withoutCredentials(url)).toBe(shown);
});
