import {
  type DecodedEntry,
  decodeEntry,
  type InvalidEntry,
  type StreamId,
  type TaskChange,
} from '@tasktrail/contract';
import { audienceOf } from '../auth/visibility.ts';
import { indexKeysOf, indexScoreOf } from '../read-model/indexes.ts';
import type { StreamEntry } from '../redis/blocking-reader.ts';
import type { Keys } from '../redis/keys.ts';
import { type Task, toItem } from '../redis/task-row.ts';
import { foldEvent } from './fold.ts';
import type { OutcomeCounts } from './projector.ts';

/** An entry, read. */
export interface DecodedEvent {
  readonly id: StreamId;
  readonly decoded: DecodedEntry;
}

/** A move within one ordered set. */
export type IndexMove =
  | { readonly kind: 'put'; readonly key: string; readonly member: string; readonly score: number }
  | { readonly kind: 'remove'; readonly key: string; readonly member: string };

/** Everything that one commit writes. */
export interface CommitPlan {
  /** The last entry of the batch, whatever became of it. */
  readonly checkpoint: StreamId;
  /** How many entries the batch had. */
  readonly entries: number;
  /** Final states: a task that several events changed is written once. */
  readonly rows: readonly Task[];
  readonly moves: readonly IndexMove[];
  /** Every applied event, each under its own id. */
  readonly changes: readonly { readonly id: StreamId; readonly change: TaskChange }[];
  readonly quarantined: readonly { readonly id: StreamId; readonly problem: InvalidEntry }[];
  readonly counts: OutcomeCounts;
}

export function decodeBatch(entries: readonly StreamEntry[]): DecodedEvent[] {
  return entries.map(({ id, pairs, isText }) => ({
    id,
    decoded: isText ? decodeEntry(id, pairs) : NOT_UTF8,
  }));
}

const NOT_UTF8: DecodedEntry = {
  kind: 'invalid',
  problem: { reason: 'not_utf8', field: '', detail: 'field names and values must be UTF-8' },
};

/** The executions whose rows a batch needs, each once. */
export function executionsOf(batch: readonly DecodedEvent[]): string[] {
  const ids = new Set<string>();
  for (const { decoded } of batch) {
    if (decoded.kind === 'event') ids.add(decoded.event.executionId);
  }
  return [...ids];
}

/**
 * Turns a batch and the rows it touches into writes: no I/O.
 *
 * @param batch at least one entry, in stream order
 * @param stored the rows of `executionsOf(batch)` as they are now; absent where there is none
 */
export function planBatch(
  batch: readonly [DecodedEvent, ...DecodedEvent[]],
  stored: ReadonlyMap<string, Task>,
  keys: Keys,
): CommitPlan {
  const folded = new Map<string, Task>();
  const changes: { id: StreamId; change: TaskChange }[] = [];
  const quarantined: { id: StreamId; problem: InvalidEntry }[] = [];
  const counts = { applied: 0, duplicate: 0, stale: 0, quarantined: 0 };
  for (const { id, decoded } of batch) {
    if (decoded.kind === 'invalid') {
      quarantined.push({ id, problem: decoded.problem });
      continue;
    }
    const { executionId } = decoded.event;
    const before = folded.get(executionId) ?? stored.get(executionId);
    const outcome = foldEvent(before, id, decoded.event);
    switch (outcome.kind) {
      case 'applied':
        folded.set(executionId, outcome.task);
        changes.push({ id, change: changeOf(before, outcome.task) });
        counts.applied += 1;
        break;
      case 'invalid':
        quarantined.push({ id, problem: outcome.problem });
        break;
      case 'duplicate':
      case 'stale':
        counts[outcome.kind] += 1;
        break;
    }
  }
  counts.quarantined = quarantined.length;
  const last = batch[batch.length - 1] ?? batch[0];
  return {
    checkpoint: last.id,
    entries: batch.length,
    rows: [...folded.values()],
    moves: [...folded.values()].flatMap((task) =>
      movesOf(stored.get(task.executionId), task, keys),
    ),
    changes,
    quarantined,
    counts,
  };
}

function changeOf(before: Task | undefined, after: Task): TaskChange {
  return {
    item: toItem(after),
    previous:
      before === undefined ? null : { status: before.status, audience: [...audienceOf(before)] },
  };
}

/** Only what differs: most events change neither status nor audience. */
function movesOf(before: Task | undefined, after: Task, keys: Keys): IndexMove[] {
  const member = after.executionId;
  const score = indexScoreOf(after);
  const from = before === undefined ? [] : indexKeysOf(before, keys);
  const to = indexKeysOf(after, keys);
  const hasMoved = before === undefined || indexScoreOf(before) !== score;
  return [
    ...from
      .filter((key) => !to.includes(key))
      .map((key): IndexMove => ({ kind: 'remove', key, member })),
    ...to
      .filter((key) => hasMoved || !from.includes(key))
      .map((key): IndexMove => ({ kind: 'put', key, member, score })),
  ];
}
