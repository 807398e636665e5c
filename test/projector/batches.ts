import type { StreamId } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { commit, loadRows, loadState } from '../../src/projector/commit.ts';
import {
  type CommitPlan,
  type DecodedEvent,
  decodeBatch,
  executionsOf,
  planBatch,
} from '../../src/projector/plan.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { idOf } from '../fixtures/events.ts';

/** Version of the program that commits. */
export const PROGRAM = '1.2.3';

export interface Appended {
  readonly id: StreamId;
  readonly pairs: readonly string[];
}

/** Ids in the order of appending, several a millisecond, which as texts would sort otherwise. */
export function nthEntryId(n: number): StreamId {
  return idOf(`${1_795_211_160_000 + Math.floor(n / 4)}-${(n % 4) * 5}`);
}

/** Appends entries to the stream of events, from the n-th id on. */
export async function appendEntries(
  redis: Redis,
  entries: readonly (readonly string[])[],
  from = 0,
): Promise<Appended[]> {
  const appended = entries.map((pairs, i) => ({ id: nthEntryId(from + i), pairs }));
  const pipeline = redis.pipeline();
  for (const { id, pairs } of appended) pipeline.xadd(KEYS.events, id, ...pairs);
  for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error;
  return appended;
}

/** Plans a batch on what Redis holds now. */
export async function planOf(redis: Redis, batch: readonly Appended[]): Promise<CommitPlan> {
  const decoded = decodeBatch(batch.map((entry) => ({ ...entry, flaw: undefined })));
  const rows = await loadRows(redis, KEYS, executionsOf(decoded));
  return planBatch(decoded as [DecodedEvent, ...DecodedEvent[]], rows, KEYS);
}

/** Applies a batch as the projector does; says whether it was committed. */
export async function applyBatch(redis: Redis, batch: readonly Appended[]): Promise<boolean> {
  const state = await loadState(redis, KEYS);
  return await commit(redis, KEYS, state, await planOf(redis, batch), PROGRAM);
}
