import { basename } from 'node:path';
import { TASK_STATUSES, type TaskStatus } from '@tasktrail/contract';
import { type Command, Option } from 'commander';

/** What an invocation of `emit` asks for. Nothing of an event is judged here. */

/** The flags, as commander names them. */
export interface EmitFlags {
  readonly executionId?: string;
  readonly project?: string;
  readonly status?: TaskStatus;
  readonly taskName?: string;
  readonly flow?: string;
  readonly message?: string;
  readonly attempt?: number;
  readonly eventId?: string;
  readonly occurredAt?: string;
  readonly actor?: string;
  readonly prLink?: readonly string[];
  readonly responsible?: readonly string[];
  readonly name?: string;
  readonly quiet?: boolean;
}

export type EmitRequest =
  | { readonly kind: 'event'; readonly event: Readonly<Record<string, unknown>> }
  | { readonly kind: 'standard_input'; readonly name: string }
  | { readonly kind: 'files'; readonly files: readonly RequestedFile[] }
  | { readonly kind: 'wrong_usage'; readonly problem: string };

export interface RequestedFile {
  readonly path: string;
  /** What absent `eventId`s come from. */
  readonly name: string;
}

const HELP = `
Each line is a JSON object with the fields of an event, 1 MiB at most. What was appended is told on
standard output as {"line","id"}, on a terminal by a progress bar instead.

Running the same again within 24 h appends nothing twice ("repeated"), so after a failure it goes on
where it was. An event is the same when its execution and "eventId" are; where a line has no
"eventId", when the name of the file, the number of the line and its text are. Standard input has one
name: to append the same lines from it once more, give them another --name. Without "occurredAt" an
event happened when it was first appended.

Exit code 0: every event is appended. 1: one is not. 2: wrong usage.`;

export function addEmitOptions(command: Command): Command {
  const repeated = (value: string, before: readonly string[] = []) => [...before, value];
  const status = new Option('--status <status>', 'needed on the first event of an execution');
  return command
    .description('Append task events: one from flags, or NDJSON from files or standard input')
    .argument('[files...]', 'NDJSON; without files and flags: standard input')
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
    .option('--responsible <provider:id>', 'who else may see it; may be repeated', repeated)
    .option('--name <text>', 'what the input is called (default: the name of the file)')
    .option('--quiet', 'print no line for each event, only a summary and what went wrong')
    .addHelpText('after', HELP);
}

export function requestOf(paths: readonly string[], flags: EmitFlags): EmitRequest {
  const event = eventFromFlags(flags);
  if (event !== undefined) {
    if (paths.length > 0) return wrongUsage('an event comes from flags or from files, not both');
    if (flags.name !== undefined) return wrongUsage('--name is for files and standard input');
    return { kind: 'event', event };
  }
  // No file has an empty name.
  if (paths.length === 0) return { kind: 'standard_input', name: flags.name ?? '' };
  if (paths.length > 1 && flags.name !== undefined) {
    return wrongUsage('--name names one file; emit several one after another');
  }
  const files = paths.map((path) => ({ path, name: flags.name ?? basename(path) }));
  const twice = files.find(({ name }, index) => files.findIndex((f) => f.name === name) < index);
  if (twice !== undefined) {
    return wrongUsage(
      `two files are called ${twice.name}, so lines of one would count as those of the other; ` +
        'emit them one after another, each with a --name',
    );
  }
  return { kind: 'files', files };
}

/** The event that the flags state; undefined when there is none. */
export function eventFromFlags(flags: EmitFlags): Readonly<Record<string, unknown>> | undefined {
  const { executionId, project, status, taskName, flow, message, attempt } = flags;
  const { eventId, occurredAt, actor, prLink, responsible } = flags;
  const fields = {
    ...{ executionId, project, status, taskName, flow, message, attempt, eventId, occurredAt },
    actor: actor === undefined ? undefined : actorOf(actor),
    prLinks: prLink,
    visibility: responsible === undefined ? undefined : { responsibleUsers: responsible },
  };
  const stated = Object.entries(fields).filter(([, value]) => value !== undefined);
  return stated.length === 0 ? undefined : Object.fromEntries(stated);
}

function actorOf(text: string): { provider: string; id: string } {
  const [provider = '', ...id] = text.split(':');
  return { provider, id: id.join(':') };
}

function wrongUsage(problem: string): EmitRequest {
  return { kind: 'wrong_usage', problem };
}
