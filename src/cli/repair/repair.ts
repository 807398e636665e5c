import { type Command, InvalidArgumentError } from 'commander';
import type { RepairMode } from '../../repair/repair.ts';
import type { RepairFlags, RepairIo } from './run.ts';

/**
 * `tasktrail check`, `repair` and `rebuild`: whether the read model is what the events make of it,
 * and making it that. What they do is in the stage of that name; here is what they may be told.
 * `run.ts` runs it, `report.ts` tells of it in the words of `text.ts`.
 */

const DEFAULT_MEMORY_MIB = 256;

const MEMORY_HELP = `
Events are read in as many passes as the tasks need to fit in memory, some 200,000 a pass with 256 MiB; each
pass reads all events. Besides these tasks the process takes up to 700 MiB. It runs beside a projector and
servers, and does not stop them.`;

const CHECK_HELP = `${MEMORY_HELP}
Rows whose first events were trimmed are not judged by their content, only their ordered sets.
Exit code 0: no difference in what could be compared, and lines say what could not; 1: there are some, or a failure; 2: wrong usage.`;

const REPAIR_HELP = `${MEMORY_HELP}
A row is written only if no event of its task was applied since it was compared, so that a live commit
always wins. In the end a new epoch is opened: every connected dashboard loads its snapshot again.
Stopped or killed, what was done stays; run again within an hour, it goes on there.

Events that came for a lost row may be in the quarantine as missing_field. The repaired row has them: drop
these entries instead of replaying them.

Without --yes nothing is written.
Exit code 0: nothing differs any more in what could be compared, and lines say what could not: of a run
that went on where another was, sizes of ordered sets; 1: something does, or a failure; 2: wrong usage.`;

/**
 * Returns the commands.
 *
 * @param add makes a command of the program
 * @param run gives a command its Redis and output, and takes its exit code
 */
export function addRepairCommands(
  add: (name: string) => Command,
  run: (work: (io: RepairIo) => Promise<number>) => Promise<void>,
): Command[] {
  const runAs = (mode: RepairMode) => async (flags: RepairFlags) => {
    // Loaded when it is asked for, so that other commands start without it.
    const { runRepairCommand } = await import('./run.ts');
    await run((io) => runRepairCommand(mode, flags, io));
  };
  return [
    addCheckOptions(addMemoryOption(add('check'))).action(runAs('check')),
    addRepairOptions(addMemoryOption(add('repair'))).action(runAs('repair')),
    addRebuildOptions(addMemoryOption(add('rebuild'))).action(runAs('rebuild')),
  ];
}

function addCheckOptions(command: Command): Command {
  return command
    .description('Compare rows, ordered sets and feed with the events, and tell every difference')
    .option('--json', 'NDJSON, one difference a line')
    .addHelpText('after', CHECK_HELP);
}

function addRepairOptions(command: Command): Command {
  return addWritingOptions(command)
    .description('Mend every difference that check tells, row by row')
    .option('--json', 'NDJSON, one difference a line')
    .addHelpText('after', REPAIR_HELP);
}

function addRebuildOptions(command: Command): Command {
  return addWritingOptions(command)
    .description('Write every row and its ordered sets anew from the events')
    .addHelpText('after', REPAIR_HELP);
}

function addWritingOptions(command: Command): Command {
  return command
    .option('--yes', 'do it; without it this is a dry run')
    .option('--from-start', 'also what an interrupted run has done within the last hour');
}

function addMemoryOption(command: Command): Command {
  const description = 'what the tasks may take in memory, about';
  return command.option('--memory <MiB>', description, mebibytes, DEFAULT_MEMORY_MIB);
}

function mebibytes(text: string): number {
  const value = Number(text);
  if (!(Number.isInteger(value) && value >= 1 && value <= 65_536)) {
    throw new InvalidArgumentError('It must be a whole number of MiB from 1 to 65536.');
  }
  return value;
}
