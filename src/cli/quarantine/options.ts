import { type Command, InvalidArgumentError } from 'commander';
import { addFilterOptions, countArgument, idArgument } from './filter.ts';
import type { Mending } from './replayable.ts';

/** What `tasktrail quarantine …` may be told, and what its help says. */

const DEFAULT_LIMIT = 50;

export function addQuarantineListOptions(command: Command): Command {
  return addFilterOptions(command)
    .description('List what could not be applied, newest first, and count it by reason')
    .option('--limit <count>', 'how many to list at most', countArgument, DEFAULT_LIMIT)
    .option('--json', 'NDJSON, one entry a line, without the counts');
}

export function addQuarantineShowOptions(command: Command): Command {
  return command
    .description('Show entries whole, and what would become of each if it were replayed now')
    .argument('<id...>', 'ids as list prints them', idArgument)
    .option('--json', 'NDJSON, one entry a line; what is no UTF-8 as {"base64":"…"}');
}

const REPLAY_HELP = `
Events apply in the order of the stream, so what is replayed comes after all that came since: times stay
those of the events, and an older one would overwrite what is newer, which is left out without --force.
Entries are appended in the order in which their events came, each with that one's id as its sourceId.

Without --yes nothing is written. What would still be invalid stays in the quarantine.
Exit code 0: done as it is said; 1: a failure, or a named entry that is not there; 2: wrong usage.`;

export function addQuarantineReplayOptions(command: Command): Command {
  return addFilterOptions(command)
    .description('Append entries to the events again, and take them out of the quarantine')
    .argument('[id...]', 'ids as list prints them', idArgument)
    .option('--all', 'every entry')
    .option('--set <field=value>', 'replace or add a field; may be repeated', mending)
    .option('--force', 'also what is older than its task and would overwrite it')
    .option('--yes', 'do it; without it this is a dry run')
    .option('--json', 'NDJSON, one entry a line')
    .addHelpText('after', REPLAY_HELP);
}

const DROP_HELP = `
Without --yes nothing is deleted. With --json every line is an entry whole, so that it can be kept:
it is written before the entry is deleted. The events themselves stay in their stream.
Exit code 0: done as it is said; 1: a failure, or a named entry that is not there; 2: wrong usage.`;

export function addQuarantineDropOptions(command: Command): Command {
  return addFilterOptions(command)
    .description('Delete entries of the quarantine for good')
    .argument('[id...]', 'ids as list prints them', idArgument)
    .option('--all', 'every entry')
    .option('--yes', 'do it; without it this is a dry run')
    .option('--json', 'NDJSON, one entry a line; what is no UTF-8 as {"base64":"…"}')
    .addHelpText('after', DROP_HELP);
}

function mending(text: string, before: Mending = new Map()): Mending {
  const equals = text.indexOf('=');
  const name = text.slice(0, equals);
  if (equals < 1) throw new InvalidArgumentError('It must be field=value; field= clears.');
  if (name === 'sourceId') {
    throw new InvalidArgumentError('A replay gives every event its sourceId itself.');
  }
  return new Map([...before, [name, text.slice(equals + 1)]]);
}
