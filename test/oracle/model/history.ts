import type { TaskItem } from '@tasktrail/contract';
import { ENDED, type Flaw, type ModelEvent, principalOf, readEntry } from './entry.ts';
import { isAfter } from './ids.ts';

/** An entry of the event stream as it is there. */
export interface StoredEntry {
  readonly id: string;
  /** field, value, field, value … */
  readonly pairs: readonly Buffer[];
}

/** What an event did to a task. */
export interface ModelChange {
  readonly id: string;
  readonly item: TaskItem;
  /** The task before it; undefined for a new one. */
  readonly before: TaskItem | undefined;
}

export type Outcome = 'applied' | 'duplicate' | 'stale' | 'quarantined';

interface ModelTask {
  readonly item: TaskItem;
  readonly eventIds: readonly string[];
}

/**
 * All that a stream of events means, folded one event at a time from PROTOCOL.md's rules and without
 * a look at the program: what every row, page and frame is judged by.
 */
export class History {
  readonly changes: ModelChange[] = [];
  readonly quarantined: { readonly entry: StoredEntry; readonly flaw: Flaw }[] = [];
  readonly outcomes = new Map<string, Outcome>();
  readonly lastId: string;
  readonly #tasks = new Map<string, ModelTask>();
  readonly #changeAt = new Map<string, ModelChange>();

  constructor(entries: readonly StoredEntry[]) {
    for (const entry of entries) this.outcomes.set(entry.id, this.#apply(entry));
    this.lastId = entries.at(-1)?.id ?? '0-0';
  }

  /** The task as the event of this id left it; undefined where it changed none. */
  changeAt(id: string): ModelChange | undefined {
    return this.#changeAt.get(id);
  }

  /** Every task as it is in the end. */
  get items(): Map<string, TaskItem> {
    return new Map([...this.#tasks].map(([executionId, { item }]) => [executionId, item]));
  }

  /** The event ids that a task remembers. */
  rememberedBy(executionId: string): readonly string[] {
    return this.#tasks.get(executionId)?.eventIds ?? [];
  }

  #apply(entry: StoredEntry): Outcome {
    const reading = readEntry(entry.id, entry.pairs);
    if (reading.kind === 'broken') return this.#keep(entry, reading.flaw);
    const { event } = reading;
    const task = this.#tasks.get(event.executionId);
    const verdict = judge(task, event);
    if (typeof verdict !== 'string') return this.#keep(entry, verdict);
    if (verdict !== 'applied') return verdict;
    const item = fold(task?.item, entry.id, event);
    const eventIds = [...(task?.eventIds ?? []), ...(event.eventId ? [event.eventId] : [])];
    this.#tasks.set(event.executionId, { item, eventIds: eventIds.slice(-8) });
    const change = { id: entry.id, item, before: task?.item };
    this.changes.push(change);
    this.#changeAt.set(entry.id, change);
    return 'applied';
  }

  #keep(entry: StoredEntry, flaw: Flaw): 'quarantined' {
    this.quarantined.push({ entry, flaw });
    return 'quarantined';
  }
}

/** How many of the changes are not after a position. */
export function countUpTo(changes: readonly ModelChange[], id: string): number {
  let low = 0;
  let high = changes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isAfter((changes[middle] as ModelChange).id, id)) high = middle;
    else low = middle + 1;
  }
  return low;
}

export function audienceOf({ actor, visibility }: TaskItem): Set<string> {
  const creator = actor === null ? [] : [principalOf(actor.provider, actor.id)];
  return new Set([...visibility.responsibleUsers, ...creator]);
}

function judge(
  task: ModelTask | undefined,
  event: ModelEvent,
): Flaw | Exclude<Outcome, 'quarantined'> {
  if (task === undefined) {
    const missing = (['project', 'status'] as const).find((field) => event[field] === undefined);
    return missing === undefined ? 'applied' : { reason: 'missing_field', field: missing };
  }
  const { item, eventIds } = task;
  if (event.project !== undefined && event.project !== item.project) {
    return { reason: 'project_changed', field: 'project' };
  }
  if (event.eventId !== undefined && eventIds.includes(event.eventId)) return 'duplicate';
  const attempt = event.attempt ?? item.attempt;
  if (attempt < item.attempt) return 'stale';
  if (attempt > item.attempt) {
    return event.status === undefined ? { reason: 'status_required', field: 'status' } : 'applied';
  }
  if (event.status === undefined || item.finishedAt === null) return 'applied';
  const aheadMs = Date.parse(event.occurredAt) - Date.parse(item.finishedAt);
  const isFresh = ENDED.includes(event.status) ? aheadMs >= 0 : aheadMs > 0;
  return isFresh ? 'applied' : 'stale';
}

function fold(before: TaskItem | undefined, id: string, event: ModelEvent): TaskItem {
  const { executionId, occurredAt } = event;
  const old = before ?? {
    taskName: executionId,
    ...{ status: 'queued', project: '', occurredAt, flow: null, actor: null, prLinks: [] },
    ...{ visibility: { responsibleUsers: [] }, createdAt: occurredAt, attempt: event.attempt ?? 1 },
    ...{ startedAt: null, finishedAt: null, message: null },
  };
  const attempt = event.attempt ?? old.attempt;
  const isRestart = attempt > old.attempt;
  const startedAt = isRestart ? null : old.startedAt;
  const message = isRestart ? null : old.message;
  const hasEnded = event.status !== undefined && ENDED.includes(event.status);
  return {
    executionId,
    taskName: event.taskName === undefined ? old.taskName : (event.taskName ?? executionId),
    status: (event.status ?? old.status) as TaskItem['status'],
    project: event.project ?? old.project,
    occurredAt: occurredAt > old.occurredAt ? occurredAt : old.occurredAt,
    flow: event.flow === undefined ? old.flow : event.flow,
    actor: event.actor === undefined ? old.actor : event.actor,
    prLinks: [...(event.prLinks ?? old.prLinks)],
    visibility: {
      responsibleUsers: [...(event.responsibleUsers ?? old.visibility.responsibleUsers)],
    },
    lastEventId: id as TaskItem['lastEventId'],
    createdAt: old.createdAt,
    startedAt: startedAt ?? (event.status === 'in_progress' ? occurredAt : null),
    finishedAt: event.status === undefined ? old.finishedAt : hasEnded ? occurredAt : null,
    attempt,
    message: event.message === undefined ? message : event.message,
  };
}
