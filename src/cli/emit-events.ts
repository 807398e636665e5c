import { TASK_STATUSES } from '@tasktrail/contract';
import type { AppendInput } from '@tasktrail/producer';
import { type Command, Option } from 'commander';

/** What an invocation of `emit` says: an event in flags, or a line of JSON. Nothing is judged yet. */

/** The flags, as commander names them. */
export interface EmitFlags {
  readonly executionId?: string;
  readonly project?: string;
  readonly status?: NonNullable<AppendInput['status']>;
  readonly taskName?: string;
  readonly flow?: string;
  readonly message?: string;
  readonly attempt?: number;
  readonly eventId?: string;
  readonly occurredAt?: string;
  readonly actor?: string;
  readonly prLink?: readonly string[];
  readonly responsible?: readonly string[];
}

export function addEmitOptions(command: Command): Command {
  const repeated = (value: string, before: readonly string[] = []) => [...before, value];
  const status = new Option('--status <status>', 'needed on the first event of an execution');
  return command
    .description('Append task events: one from flags, or, without flags, NDJSON on standard input')
    .option('--execution-id <id>', 'the run that the event is about')
    .option('--project <owner/repo>', 'needed on the first event of an execution')
    .addOption(status.choices(TASK_STATUSES))
    .option('--task-name <text>', 'what is run; an empty text clears it')
    .option('--flow <text>', 'the workflow that the task belongs to; an empty text clears it')
    .option('--message <text>', 'for a person to read; an empty text clears it')
    .option('--attempt <number>', 'counts the runs of the same execution', (text) => Number(text))
    .option('--event-id <id>', 'idempotency key (default: a random one)')
    .option('--occurred-at <time>', 'ISO-8601 with Z or an offset (default: now)')
    .option('--actor <provider:id>', 'who started the task')
    .option('--pr-link <url>', 'a pull request of the task; may be repeated', repeated)
    .option('--responsible <provider:id>', 'who else may see it; may be repeated', repeated);
}

/** The event that the flags state; undefined when there is none. */
export function eventFromFlags(flags: EmitFlags): AppendInput | undefined {
  const { executionId, project, status, taskName, flow, message, attempt } = flags;
  const { eventId, occurredAt, actor, prLink, responsible } = flags;
  const fields = {
    ...{ executionId, project, status, taskName, flow, message, attempt, eventId, occurredAt },
    actor: actor === undefined ? undefined : actorOf(actor),
    prLinks: prLink,
    visibility: responsible === undefined ? undefined : { responsibleUsers: responsible },
  };
  const stated = Object.entries(fields).filter(([, value]) => value !== undefined);
  return stated.length === 0 ? undefined : (Object.fromEntries(stated) as unknown as AppendInput);
}

/** The event on a line; undefined when the line is no JSON object. */
export function eventFromLine(line: string): AppendInput | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as AppendInput) : undefined;
  } catch {
    return undefined;
  }
}

function actorOf(text: string): { provider: string; id: string } {
  const [provider = '', ...id] = text.split(':');
  return { provider, id: id.join(':') };
}

/** A URL of Redis for a person to read: without user, password and parameters. */
export function withoutCredentials(url: string): string {
  return url.replace(/\/\/.*@/s, '//').replace(/\?.*/s, '');
}
