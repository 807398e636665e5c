import {
  type DecodedEntry,
  decodeEntry,
  type InvalidEntry,
  MAX_ENTRY_BYTES,
  type StreamId,
  type TaskChange,
} from '@tasktrail/contract';
import { audienceOf } from '../auth/visibility.ts';
import { indexKeysOf, indexScoreOf } from '../read-model/indexes.ts';
import type { Keys } from '../redis/keys.ts';
import { type Task, toItem } from '../redis/task-row.ts';
import type { EventEntry } from './event-reader.ts';
import { type FoldOutcome, foldEvent } from './fold.ts';
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
  /** The last entry that it covers, whatever became of it. */
  readonly checkpoint: StreamId;
  /** How many entries of the batch it covers: the first ones, at least one. */
  readonly entries: number;
  /** Final states: a task that several events changed is written once. */
  readonly rows: readonly Task[];
  readonly moves: readonly IndexMove[];
  /** Every applied event, each under its own id. */
  readonly changes: readonly { readonly id: StreamId; readonly change: TaskChange }[];
  readonly quarantined: readonly { readonly id: StreamId; readonly problem: InvalidEntry }[];
  readonly counts: OutcomeCounts;
}

export function decodeBatch(entries: readonly EventEntry[]): DecodedEvent[] {
  return entries.map(({ id, pairs, flaw }) => ({
    id,
    decoded: flaw === undefined ? decodeEntry(id, pairs) : FLAWS[flaw],
  }));
}

const FLAWS: Readonly<Record<'too_large' | 'not_utf8', DecodedEntry>> = {
  too_large: flawed('entry_too_large', `an entry is at most ${MAX_ENTRY_BYTES} bytes`),
  not_utf8: flawed('not_utf8', 'field names and values must be UTF-8'),
};

function flawed(reason: InvalidEntry['reason'], detail: string): DecodedEntry {
  return { kind: 'invalid', problem: { reason, field: '', detail } };
}

/** The executions whose rows a batch needs, each once. */
export function executionsOf(batch: readonly DecodedEvent[]): string[] {
  const ids = new Set<string>();
  for (const { decoded } of batch) {
    if (decoded.kind === 'event') ids.add(decoded.event.executionId);
  }
  return [...ids];
}

/**
 * Turns a batch, or the beginning of it, and the rows that it touches into writes: no I/O. What one
 * commit writes is bounded by its bytes, because a small event may change a task of 100 KiB.
 *
 * @param batch at least one entry, in stream order
 * @param stored the rows of `executionsOf(batch)` as they are now; absent where there is none
 * @param maxBytes about how much the changes may take; the one that reaches it is the last
 */
export function planBatch(
  batch: readonly [DecodedEvent, ...DecodedEvent[]],
  stored: ReadonlyMap<string, Task>,
  keys: Keys,
  maxBytes = MAX_COMMIT_BYTES,
): CommitPlan {
  const folded = new Map<string, Task>();
  const changes: { id: StreamId; change: TaskChange }[] = [];
  const quarantined: { id: StreamId; problem: InvalidEntry }[] = [];
  let unchanging = { duplicate: 0, stale: 0 };
  let bytes = 0;
  let covered = 0;
  for (const { id, decoded } of batch) {
    covered += 1;
    const outcome = foldInto(folded, stored, id, decoded);
    switch (outcome.kind) {
      case 'applied': {
        const change = changeOf(outcome.before, outcome.task);
        folded.set(outcome.task.executionId, outcome.task);
        changes.push({ id, change });
        bytes += bytesOf(change);
        break;
      }
      case 'invalid':
        quarantined.push({ id, problem: outcome.problem });
        // Nobody knows how large it is: Redis copies it by itself, and does nothing else meanwhile.
        if (outcome.problem.reason === 'entry_too_large') bytes = maxBytes;
        break;
      case 'duplicate':
      case 'stale':
        unchanging = { ...unchanging, [outcome.kind]: unchanging[outcome.kind] + 1 };
        break;
    }
    if (bytes >= maxBytes) break;
  }
  return {
    checkpoint: (batch[covered - 1] ?? batch[0]).id,
    entries: covered,
    rows: [...folded.values()],
    moves: [...folded.values()].flatMap((task) =>
      movesOf(stored.get(task.executionId), task, keys),
    ),
    changes,
    quarantined,
    counts: { applied: changes.length, quarantined: quarantined.length, ...unchanging },
  };
}

/** Sent within a second over a link of 40 Mbit/s. */
const MAX_COMMIT_BYTES = 4 * 1024 * 1024;

type BatchOutcome =
  | Exclude<FoldOutcome, { readonly kind: 'applied' }>
  | { readonly kind: 'applied'; readonly before: Task | undefined; readonly task: Task };

/** Folds an entry into what the batch has made of its task so far. */
function foldInto(
  folded: ReadonlyMap<string, Task>,
  stored: ReadonlyMap<string, Task>,
  id: StreamId,
  decoded: DecodedEntry,
): BatchOutcome {
  if (decoded.kind === 'invalid') return decoded;
  const { executionId } = decoded.event;
  const before = folded.get(executionId) ?? stored.get(executionId);
  const outcome = foldEvent(before, id, decoded.event);
  return outcome.kind === 'applied' ? { ...outcome, before } : outcome;
}

/** About how much a change takes on its way to Redis: what of it can be long, and the rest. */
function bytesOf({ item, previous }: TaskChange): number {
  const texts = [
    item.message ?? '',
    ...item.prLinks,
    ...item.visibility.responsibleUsers,
    ...(previous?.audience ?? []),
  ];
  return texts.reduce((bytes, text) => bytes + text.length, 1000);
}

/** What the feed says of an event that turned one state of a task into the next. */
export function changeOf(before: Task | undefined, after: Task): TaskChange {
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
