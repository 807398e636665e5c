import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { type Keys, LAYOUT_VERSION } from '../redis/keys.ts';
import { judgeLayout, newerLayoutError, type StoredLayout } from '../redis/layout.ts';
import { loadScript, runScript } from '../redis/script.ts';
import { FatalError } from '../runtime/retry.ts';
import { readLayout } from './commit.ts';

const SET_LAYOUT = loadScript('set-layout');

/**
 * How a read model of an older layout becomes one of the next. Whoever changes what is stored, so
 * that this program would misread it, raises LAYOUT_VERSION and adds the step here.
 */
export interface Migration {
  /** The layout version that it begins with; it ends with the next one. */
  readonly from: number;
  /** What it changes, for the log: "rows hold …". */
  readonly description: string;
  /**
   * Does it. After a crash it is run again from its beginning, on what it has left, so every write
   * must be one that may be repeated. Nobody else reads or writes the read model meanwhile, but a
   * projector that was frozen for longer than its lease may make one more write when it wakes: so
   * scripts must look at lease and layout in the step that writes.
   */
  readonly run: (context: MigrationContext) => Promise<void>;
}

export interface MigrationContext {
  readonly redis: Redis;
  readonly keys: Keys;
  /**
   * To be called at least every second, between two writes: keeps the lease.
   *
   * @throws MigrationInterruptedError when the program stops or another projector took over
   */
  readonly goOn: () => Promise<void>;
}

/** Every step from one layout to the next, in any order. */
export const MIGRATIONS: readonly Migration[] = [];

/** Somebody else goes on with it, or this program when it is started again. */
class MigrationInterruptedError extends Error {
  override readonly name = 'MigrationInterruptedError';

  constructor({ from }: Migration) {
    super(
      `the migration from layout ${from} was interrupted: a projector that runs goes on with it`,
    );
  }
}

export interface MigrateOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  /** Names this projector, as its lease does. */
  readonly holder: string;
  /** Keeps the lease; whether this projector still has it. */
  readonly hold: () => Promise<boolean>;
  /** Version of this program. */
  readonly program: string;
  readonly logger: Logger;
  readonly migrations?: readonly Migration[];
  /** The layout version to arrive at. */
  readonly target?: number;
}

/**
 * Brings what is stored to this program's layout, step by step; at once where there is nothing to
 * do. Only for the holder of the lease.
 *
 * @throws FatalError where a later program wrote it, or where no step leads on
 */
export async function migrate(options: MigrateOptions, signal: AbortSignal): Promise<void> {
  const { redis, keys, migrations = MIGRATIONS, target = Number(LAYOUT_VERSION) } = options;
  while (true) {
    const stored = await readLayout(redis, keys);
    const verdict = judgeLayout(stored.layout, target);
    if (verdict.kind === 'current') return;
    if (verdict.kind === 'newer') throw newerLayoutError(stored);
    const migration = migrations.find(({ from }) => from === verdict.from);
    if (migration === undefined) throw noWayError(stored, keys, target);
    await runMigration(options, migration, stored, signal);
  }
}

/** @throws FatalError where a later program wrote what is stored, or is about to */
export async function refuseNewer(redis: Redis, keys: Keys): Promise<void> {
  const stored = await readLayout(redis, keys);
  if (judgeLayout(stored.layout).kind === 'newer') throw newerLayoutError(stored);
}

async function runMigration(
  options: MigrateOptions,
  migration: Migration,
  stored: StoredLayout,
  signal: AbortSignal,
): Promise<void> {
  const { redis, keys, holder, hold, program, logger } = options;
  const { from, description } = migration;
  const to = from + 1;
  const moveTo = async (before: string, after: string) => {
    const names = [keys.projector, keys.lease];
    const isMoved = await runScript(redis, SET_LAYOUT, names, [holder, before, after, program]);
    if (isMoved !== 1) throw new MigrationInterruptedError(migration);
  };
  const goOn = async () => {
    if (signal.aborted || !(await hold())) throw new MigrationInterruptedError(migration);
  };
  const begun = `${from}>${to}`;
  logger.info({ from, to, stored: stored.layout }, `migrating the read model: ${description}`);
  await goOn();
  await moveTo(stored.layout, begun);
  await migration.run({ redis, keys, goOn });
  await goOn();
  await moveTo(begun, String(to));
  logger.info({ from, to }, 'the read model is migrated');
}

function noWayError({ layout }: StoredLayout, keys: Keys, target: number): FatalError {
  return new FatalError(
    `the read model has layout ${layout}, from which this program knows no way to layout ` +
      `${target}: run the version that wrote it. Or, only where no event was ever trimmed (else tasks ` +
      `are lost: HGET ${keys.projector} eventsTrimmed must be empty or 0), stop every projector and ` +
      `server, run redis-cli --scan --pattern 'task-tracking:*' | xargs -r -d '\\n' redis-cli del ` +
      `${keys.updates}, and start a projector, which folds the events anew`,
  );
}
