import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { createEpoch } from '../../src/redis/epoch.ts';
import { KEYS } from '../../src/redis/keys.ts';
import type { Difference, RepairOutcome } from '../../src/repair/repair.ts';
import { type RepairOptions, runRepair } from '../../src/repair/repair-run.ts';
import { type Clock, MACHINE_CLOCK } from '../../src/runtime/clock.ts';
import { anEntry, collidingEntry } from '../fixtures/events.ts';
import { whenProjected } from '../fixtures/facts.ts';
import { type Appended, appendEntries } from '../projector/batches.ts';
import { type Dump, dumpKeyspace } from '../projector/keyspace.ts';
import { runProjector } from '../projector/running-projector.ts';

/** What a run found and did. */
export interface Repaired {
  readonly outcome: RepairOutcome;
  /** Every difference as a line: kind, key, execution, field, expected, found. */
  readonly differences: readonly string[];
  readonly unmended: readonly string[];
  /** Parts of the work that were said to be done, of a run that was continued. */
  readonly resumed: readonly number[];
}

export type Repairing = Partial<RepairOptions> & {
  /** Told of each difference; what it returns is waited for. */
  readonly onDifference?: (difference: Difference) => void | Promise<void>;
  readonly onProgress?: (part: number) => void;
  readonly onWait?: () => void;
};

export async function repair(redis: Redis, options: Repairing = {}): Promise<Repaired> {
  const differences: string[] = [];
  const unmended: string[] = [];
  const resumed: number[] = [];
  const { onDifference, onProgress, onWait, ...changes } = options;
  const mode = changes.mode ?? 'check';
  const outcome = await runRepair({
    ...{ redis, keys: KEYS, mode, writes: mode !== 'check', maxBytes: 64 * 1024 * 1024 },
    ...{ createEpoch, clock: MACHINE_CLOCK, signal: new AbortController().signal },
    observer: {
      onDifference: async (difference, isMended) => {
        differences.push(lineOf(difference));
        if (!isMended) unmended.push(lineOf(difference));
        await onDifference?.(difference);
      },
      onProgress: ({ part }) => onProgress?.(part),
      onResume: (part) => resumed.push(part),
      onWait: () => onWait?.(),
    },
    ...changes,
  });
  return { outcome, differences: differences.sort(), unmended: unmended.sort(), resumed };
}

function lineOf({ kind, key, executionId, field, expected, found }: Difference): string {
  return [kind, key, executionId, field, expected, found].map((part) => part ?? '-').join(' ');
}

/** A clock on which every wait is over after a few looks at it. */
export function hastyClock(): Clock {
  let nowMs = 0;
  const monotonicMs = () => {
    nowMs += 2000;
    return nowMs;
  };
  return { ...MACHINE_CLOCK, monotonicMs };
}

/** Entries of so many executions: new ones, repeated, late, invalid; the same for the same seed. */
export function entriesOf(count: number, executions: number, seed = 1): string[][] {
  return fc.sample(collidingEntry, { numRuns: count, seed }).map((pairs, n) => {
    const fields = Object.fromEntries(
      pairs.flatMap((name, i) => (i % 2 === 0 ? [[name, pairs[i + 1]]] : [])),
    );
    // Projects differ between executions, and are the same within one but for a contradiction.
    const number = (n * 7 + Number(String(fields.executionId).slice(4))) % executions;
    const project = fields.project === 'owner/repo' ? `owner/repo-${number % 5}` : fields.project;
    return Object.entries({ ...fields, executionId: `run-${number}`, ...(project && { project }) })
      .flat()
      .map(String);
  });
}

/** Appends events and lets a real projector apply them all. */
export async function projectEntries(
  redis: Redis,
  url: string,
  entries: readonly (readonly string[])[],
  from = 0,
): Promise<Appended[]> {
  const appended = await appendEntries(redis, entries, from);
  await projectAll(redis, url, appended);
  return appended;
}

/** Lets a real projector apply everything that is there. */
export async function projectAll(
  redis: Redis,
  url: string,
  appended: readonly Appended[],
): Promise<void> {
  const projector = await runProjector(url);
  const last = appended.at(-1);
  if (last !== undefined) await whenProjected(redis, last.id);
  await projector.stop();
}

/** One execution with an actor and a responsible user, in six ordered sets. */
export function aRunEntry(fields: Parameters<typeof anEntry>[0] = {}): string[] {
  return anEntry({
    actor: '{"provider":"slack","id":"U1"}',
    visibility: '{"responsibleUsers":["google:ana@example.com"]}',
    message: 'first',
    ...fields,
  });
}

/** All that Redis holds but for what a repair or a projector notes of itself. */
export async function dumpReadModel(redis: Redis): Promise<Dump> {
  const {
    [KEYS.projector]: _,
    [KEYS.repair]: __,
    [KEYS.lease]: ___,
    ...dump
  } = await dumpKeyspace(redis);
  return dump;
}
