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

/** Everything that one commit writes. */
export interface CommitPlan {
  /** The last entry that it covers, whatever became of it. */
  readonly checkpoint: StreamId;
  /** How many entries of the batch it covers: the first ones, at least one. */
  readonly entries: number;
  /** Final states: a task that several events changed is written once. */
  readonly rows: readonly Task[];
  /** What their rows were; absent where there was none. It may hold others besides. */
  readonly before: ReadonlyMap<string, Task>;
  /** By ordered set: score, member, score, member … */
  readonly puts: ReadonlyMap<string, string[]>;
  /** By ordered set. */
  readonly removals: ReadonlyMap<string, string[]>;
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
  const moves: IndexMoves = { puts: new Map(), removals: new Map() };
  for (const task of folded.values()) {
    addMoves(moves, stored.get(task.executionId), task, keys);
  }
  return {
    checkpoint: (batch[covered - 1] ?? batch[0]).id,
    entries: covered,
    rows: [...folded.values()],
    before: stored,
    ...moves,
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

type IndexMoves = Record<'puts' | 'removals', Map<string, string[]>>;

/** Only what differs: most events change neither status nor audience. */
function addMoves(
  { puts, removals }: IndexMoves,
  before: Task | undefined,
  after: Task,
  keys: Keys,
): void {
  const hasMoved = before?.occurredAt !== after.occurredAt;
  const isInSame = before !== undefined && isIndexedAlike(before, after);
  if (isInSame && !hasMoved) return;
  const to = indexKeysOf(after, keys);
  const from = before === undefined || isInSame ? [] : indexKeysOf(before, keys);
  const score = String(indexScoreOf(after));
  for (const key of from) {
    if (!to.includes(key)) listOf(removals, key).push(after.executionId);
  }
  for (const key of to) {
    if (hasMoved || !from.includes(key)) listOf(puts, key).push(score, after.executionId);
  }
}

/** Whether they are in the same ordered sets for certain. */
function isIndexedAlike(before: Task, after: Task): boolean {
  return (
    before.status === after.status &&
    before.project === after.project &&
    before.actor === after.actor &&
    before.visibility === after.visibility
  );
}

function listOf(lists: Map<string, string[]>, key: string): string[] {
  const found = lists.get(key);
  if (found !== undefined) return found;
  const list: string[] = [];
  lists.set(key, list);
  return list;
}
