import { parseStreamId, type StreamId } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { encodeChangeTexts } from '../redis/change-entry.ts';
import { FeedAheadError } from '../redis/feed-ahead.ts';
import { type Keys, LAYOUT_VERSION } from '../redis/keys.ts';
import { requireLayout, type StoredLayout } from '../redis/layout.ts';
import { NamedKeys } from '../redis/named-keys.ts';
import { loadScript, runScript } from '../redis/script.ts';
import { decodeTaskRow, encodeRowChanges, encodeTaskRow, type Task } from '../redis/task-row.ts';
import { FatalError } from '../runtime/retry.ts';
import { CheckpointAheadError } from './checkpoint-ahead.ts';
import type { CommitPlan } from './plan.ts';
import type { ProjectorState } from './projector.ts';

const COMMIT = loadScript('commit');

/** What says which program may read and write what is stored. */
export async function readLayout(redis: Redis, keys: Keys): Promise<StoredLayout> {
  const [layout, program] = await redis.hmget(keys.projector, 'layout', 'program');
  return { layout: layout ?? '', program: program ?? '' };
}

/**
 * @throws FatalError when a later program wrote the read model, or the checkpoint is none
 * @throws CheckpointAheadError when it was found ahead of the events, and not mended since
 * @throws OlderLayoutError when it was not migrated
 */
export async function loadState(redis: Redis, keys: Keys): Promise<ProjectorState> {
  const fields = ['checkpoint', 'epoch', 'layout', 'program', 'checkpointAhead'] as const;
  const [checkpoint = null, epoch, layout, program, ahead] = await redis.hmget(
    keys.projector,
    ...fields,
  );
  requireLayout({ layout: layout ?? '', program: program ?? '' });
  if (checkpoint !== null && checkpoint === ahead) throw new CheckpointAheadError(keys);
  return { checkpoint: toStreamId(checkpoint, keys), epoch: epoch ?? undefined };
}

/** The rows of these executions; those that have none are absent. */
export async function loadRows(
  redis: Redis,
  keys: Keys,
  executionIds: readonly string[],
): Promise<Map<string, Task>> {
  const pipeline = redis.pipeline();
  for (const id of executionIds) pipeline.hgetall(keys.execution(id));
  const replies = (await pipeline.exec()) ?? [];
  const rows = new Map<string, Task>();
  executionIds.forEach((id, place) => {
    const [error, row] = replies[place] ?? [new Error('Redis gave fewer replies than commands')];
    if (error) throw error;
    const task = decodeTaskRow(row as Record<string, string>);
    if (task !== undefined) rows.set(id, task);
  });
  return rows;
}

/** What shows whether a row may have become another behind the back of who remembers it. */
export interface Remembered {
  /** How often repairs have changed rows behind the checkpoint: it only grows. */
  readonly mends: string;
}

/** To be read before the rows are. */
export async function readMends(redis: Redis, keys: Keys): Promise<Remembered> {
  return { mends: (await redis.hget(keys.projector, 'mends')) ?? '0' };
}

/**
 * Writes the plan, if the stored state is still the one that the batch started from.
 *
 * @param program version of this program
 * @param remembered when the rows of the plan were not all read after its state: then it is written
 *   only if none of them may be another by now, and of rows only what differs. Undefined: they were,
 *   and whole rows are written, whatever is there
 * @returns whether it was written; false means that somebody else was first
 */
export async function commit(
  redis: Redis,
  keys: Keys,
  from: ProjectorState,
  plan: CommitPlan,
  program: string,
  remembered?: Remembered,
): Promise<boolean> {
  const { names, firstSet, rows, puts, removals } = encodeWrites(keys, plan, remembered);
  const guard = [from.checkpoint ?? '', from.epoch ?? ''];
  const header = [plan.checkpoint, plan.entries, LAYOUT_VERSION, program, firstSet];
  const writes = [remembered?.mends ?? '', JSON.stringify([rows, puts, removals])];
  const args = [...guard, ...header, ...writes, ...encodeEntries(plan)];
  try {
    return (await runScript(redis, COMMIT, names, args)) === 1;
  } catch (error) {
    const isFeedAhead = error instanceof Error && /ID specified in XADD/.test(error.message);
    throw isFeedAhead ? new FeedAheadError(keys, { cause: error }) : error;
  }
}

/** The script's two lists. */
function encodeEntries({ changes, quarantined }: CommitPlan): (string | number)[] {
  const args: (string | number)[] = [changes.length];
  for (const { id, change } of changes) {
    const { item, previous } = encodeChangeTexts(change);
    args.push(id, item, previous ?? '');
  }
  args.push(quarantined.length);
  for (const { id, problem } of quarantined) {
    args.push(id, problem.reason, problem.field, problem.detail);
  }
  return args;
}

/** Rows and members of ordered sets, as the script's header says. */
interface EncodedWrites {
  /** The script's KEYS. */
  readonly names: readonly string[];
  /** The place of the first ordered set in KEYS, counted from 1. */
  readonly firstSet: number;
  readonly rows: readonly RowWrite[];
  readonly puts: readonly (readonly [place: number, scoresAndMembers: readonly string[]])[];
  readonly removals: readonly (readonly [place: number, members: readonly string[]])[];
}

type RowWrite = readonly [
  place: number,
  expectedEventId: string,
  isWhole: 0 | 1,
  pairs: readonly string[],
];

/** In the place of an event's id: the row may be anything. */
const WHATEVER = '*';

function encodeWrites(
  keys: Keys,
  { rows, before, puts, removals }: CommitPlan,
  remembered: Remembered | undefined,
): EncodedWrites {
  const named = new NamedKeys(keys.projector, keys.events, keys.updates, keys.quarantine);
  const encoded = rows.map((task): RowWrite => {
    const place = named.placeOf(keys.execution(task.executionId));
    if (remembered === undefined) return [place, WHATEVER, 1, encodeTaskRow(task)];
    const known = before.get(task.executionId);
    const changes = known && encodeRowChanges(known, task);
    const expected = known?.lastEventId ?? '';
    return changes === undefined
      ? [place, expected, 1, encodeTaskRow(task)]
      : [place, expected, 0, changes];
  });
  const firstSet = named.names.length + 1;
  const placed = (lists: ReadonlyMap<string, string[]>) =>
    Array.from(lists, ([key, list]) => [named.placeOf(key), list] as const);
  const moves = { puts: placed(puts), removals: placed(removals) };
  return { names: named.names, firstSet, rows: encoded, ...moves };
}

function toStreamId(text: string | null, keys: Keys): StreamId | undefined {
  if (text === null) return undefined;
  const id = parseStreamId(text);
  if (id !== undefined) return id;
  throw new FatalError(
    `the checkpoint in ${keys.projector} is no stream id: ${JSON.stringify(text)}. Run tasktrail ` +
      'repair --yes, which finds out how far events were applied, then start the projector again',
  );
}
