import { createEpoch } from '../../redis/epoch.ts';
import type { RepairMode } from '../../repair/repair.ts';
import { runRepair } from '../../repair/repair-run.ts';
import { type Clock, MACHINE_CLOCK } from '../../runtime/clock.ts';
import { ProgressBar, type Terminal } from '../progress-bar.ts';
import { type OperatorIo, withRedis } from '../redis-session.ts';
import { RepairReport } from './report.ts';

export interface RepairFlags {
  readonly json?: boolean;
  /** MiB that the tasks may take in memory. */
  readonly memory: number;
  readonly yes?: boolean;
  readonly fromStart?: boolean;
}

export interface RepairIo extends OperatorIo {
  /** Takes a line of output, without its end. Resolves when it takes more. */
  readonly write: (line: string) => void | Promise<void>;
  /** Where a bar can be drawn, when standard output is a terminal. */
  readonly terminal?: Terminal | undefined;
  /** Stops it: what was done stays. */
  readonly signal: AbortSignal;
  readonly clock?: Clock | undefined;
}

const MIB = 1024 * 1024;

/**
 * Resolves with the exit code: 0 when nothing differs, or no more.
 *
 * @throws RedisAwayError
 * @throws FatalError, OlderLayoutError when the read model has another layout
 * @throws EventsReplacedError
 */
export async function runRepairCommand(
  mode: RepairMode,
  { json = false, memory, yes = false, fromStart = false }: RepairFlags,
  io: RepairIo,
): Promise<number> {
  const { keys, signal, terminal, clock = MACHINE_CLOCK } = io;
  const bar = terminal?.isTTY === true && !json ? new ProgressBar(terminal, 1) : undefined;
  const report = new RepairReport({ ...io, mode, writes: yes, isJson: json, bar, clock });
  try {
    const outcome = await withRedis(io, mode, (redis) =>
      runRepair({
        ...{ redis, keys, mode, clock, createEpoch, signal, observer: report },
        writes: mode !== 'check' && yes,
        isFromStart: fromStart,
        maxBytes: memory * MIB,
      }),
    );
    bar?.stop();
    return await report.end(outcome);
  } finally {
    bar?.stop();
  }
}
