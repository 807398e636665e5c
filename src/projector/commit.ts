import { parseStreamId, type StreamId } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { encodeChange } from '../redis/change-entry.ts';
import { FeedAheadError } from '../redis/feed-ahead.ts';
import { type Keys, LAYOUT_VERSION } from '../redis/keys.ts';
import { requireLayout, type StoredLayout } from '../redis/layout.ts';
import { loadScript, runScript } from '../redis/script.ts';
import { decodeTaskRow, encodeTaskRow, type Task } from '../redis/task-row.ts';
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

/**
 * Writes the plan, if the stored state is still the one that the batch started from.
 *
 * @param program version of this program
 * @returns whether it was written; false means that somebody else was first
 */
export async function commit(
  redis: Redis,
  keys: Keys,
  from: ProjectorState,
  plan: CommitPlan,
  program: string,
): Promise<boolean> {
  const { names, firstSet, args } = encodePlan(keys, plan);
  const guard = [from.checkpoint ?? '', from.epoch ?? ''];
  const header = [plan.checkpoint, plan.entries, LAYOUT_VERSION, program, firstSet];
  try {
    return (await runScript(redis, COMMIT, names, [...guard, ...header, ...args])) === 1;
  } catch (error) {
    const isFeedAhead = error instanceof Error && /ID specified in XADD/.test(error.message);
    throw isFeedAhead ? new FeedAheadError(keys, { cause: error }) : error;
  }
}

interface EncodedPlan {
  /** The script's KEYS. */
  readonly names: readonly string[];
  /** The place of the first ordered set in KEYS, counted from 1. */
  readonly firstSet: number;
  /** The script's four lists. */
  readonly args: readonly (string | number)[];
}

function encodePlan(keys: Keys, plan: CommitPlan): EncodedPlan {
  const names = [keys.projector, keys.events, keys.updates, keys.quarantine];
  const args: (string | number)[] = [plan.changes.length];
  for (const { id, change } of plan.changes) {
    const pairs = encodeChange(change);
    args.push(id, pairs.length, ...pairs);
  }
  args.push(plan.quarantined.length);
  for (const { id, problem } of plan.quarantined) {
    args.push(id, problem.reason, problem.field, problem.detail);
  }
  args.push(plan.rows.length);
  for (const task of plan.rows) {
    const pairs = encodeTaskRow(task);
    args.push(names.push(keys.execution(task.executionId)), pairs.length, ...pairs);
  }
  const firstSet = names.length + 1;
  const places = new Map<string, number>();
  args.push(plan.moves.length);
  for (const move of plan.moves) {
    const place = places.get(move.key) ?? names.push(move.key);
    places.set(move.key, place);
    args.push(place, move.kind === 'put' ? move.score : '', move.member);
  }
  return { names, firstSet, args };
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
