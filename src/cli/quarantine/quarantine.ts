import type { Command } from 'commander';
import type { OperatorIo } from '../redis-session.ts';
import {
  addQuarantineDropOptions,
  addQuarantineListOptions,
  addQuarantineReplayOptions,
  addQuarantineShowOptions,
} from './options.ts';

/**
 * `tasktrail quarantine`: what could not be applied, for an operator to look at, to apply after all
 * or to drop. (PROTOCOL.md, "Quarantine")
 *
 * `filter.ts` and `selection.ts` say which entries a command is about. What
 * would become of one is decided without I/O: `replayable.ts` makes it into an event,
 * `forecast.ts` folds that into its task. `store.ts` reads, by pages;
 * `append.ts` is the one step that appends an event and removes its entry.
 *
 * What a command runs is loaded when it is asked for, so that other commands start without it.
 *
 * @param run gives a command its Redis and output, and takes its exit code
 */
export function addQuarantineCommands(
  command: Command,
  run: (work: (io: OperatorIo) => Promise<number>) => Promise<void>,
): Command {
  command.description('Look at what could not be applied, apply it after all, or drop it');
  addQuarantineListOptions(command.command('list')).action(async (options) => {
    const { runQuarantineList } = await import('./list.ts');
    await run((io) => runQuarantineList(options, io));
  });
  addQuarantineShowOptions(command.command('show')).action(async (ids, options) => {
    const { runQuarantineShow } = await import('./show.ts');
    await run((io) => runQuarantineShow(ids, options, io));
  });
  addQuarantineReplayOptions(command.command('replay')).action(async (ids, options) => {
    const { runQuarantineReplay } = await import('./replay.ts');
    await run((io) => runQuarantineReplay(ids, options, io));
  });
  addQuarantineDropOptions(command.command('drop')).action(async (ids, options) => {
    const { runQuarantineDrop } = await import('./drop.ts');
    await run((io) => runQuarantineDrop(ids, options, io));
  });
  return command;
}
