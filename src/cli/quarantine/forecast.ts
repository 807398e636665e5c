import {
  compareStreamIds,
  type StreamId,
  type TaskEvent,
  type TaskItem,
  type TaskStatus,
} from '@tasktrail/contract';
import { foldEvent } from '../../projector/fold.ts';
import type { QuarantineEntry } from '../../redis/quarantine-entry.ts';
import type { Task } from '../../redis/task-row.ts';
import type { Fault, Replayable } from './replayable.ts';

/** What would become of an entry if it were replayed now. */
export type Forecast =
  /** The task's status changes so; `from` is undefined where the task begins. */
  | { readonly kind: 'applied'; readonly from: TaskStatus | undefined; readonly to: TaskStatus }
  /** It would be applied, and what it says would replace something that is later. */
  | {
      readonly kind: 'older';
      readonly from: TaskStatus;
      readonly to: TaskStatus;
      readonly overwrites: readonly string[];
      /** The time of the event, and that of the task. */
      readonly occurredAt: string;
      readonly taskAt: string;
    }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'stale' }
  /** Its event is in the stream already, by an earlier replay: under this id, if that is known. */
  | { readonly kind: 'replayed_before'; readonly as: StreamId | undefined }
  | { readonly kind: 'invalid'; readonly fault: Fault }
  | { readonly kind: 'no_event'; readonly detail: string };

/** Whether a replay takes the entry out of the quarantine. */
export function leaves({ kind }: Forecast, force: boolean): boolean {
  if (kind === 'older') return force;
  return kind !== 'invalid' && kind !== 'no_event';
}

/** What is known about an entry when its turn comes. */
export interface Turn {
  readonly entry: QuarantineEntry;
  readonly replayable: Replayable;
  /** The task as it is stored; undefined where there is none. */
  readonly stored: Task | undefined;
  /** The id under which its source was replayed before. */
  readonly replayedAs: StreamId | undefined;
}

/**
 * Forecasts entries one after the other, each upon what those before it would have done: the
 * projector may be behind, and in a dry run nothing of it happens at all.
 */
export class Rehearsal {
  /** What replays have made of tasks, under the id that they got or would get. */
  readonly #tasks = new Map<string, Task>();
  /** A read model that is rebuilt has the same events quarantined again. */
  readonly #sources = new Set<StreamId>();

  /** @param nextId the id that the event would get */
  forecast(turn: Turn, nextId: StreamId): Forecast {
    const { entry, replayable, replayedAs } = turn;
    const isCopy = entry.kind === 'event' && this.#sources.has(entry.sourceId);
    if (replayedAs !== undefined || isCopy) {
      return { kind: 'replayed_before', as: replayedAs };
    }
    if (replayable.kind !== 'event') return replayable;
    return forecastEvent(this.#taskOf(replayable.event, turn.stored), nextId, replayable.event);
  }

  /**
   * Says that an entry was replayed, or would be.
   *
   * @param id the one that its event got, or would get
   */
  replay({ entry, replayable, stored }: Turn, id: StreamId): void {
    if (entry.kind === 'event') this.#sources.add(entry.sourceId);
    if (replayable.kind !== 'event') return;
    const outcome = foldEvent(this.#taskOf(replayable.event, stored), id, replayable.event);
    if (outcome.kind === 'applied') this.#tasks.set(outcome.task.executionId, outcome.task);
  }

  /** The stored row, once it is as late as what was replayed, else what that has made of it. */
  #taskOf({ executionId }: TaskEvent, stored: Task | undefined): Task | undefined {
    const rehearsed = this.#tasks.get(executionId);
    if (rehearsed === undefined || stored === undefined) return rehearsed ?? stored;
    const isCaughtUp = compareStreamIds(stored.lastEventId, rehearsed.lastEventId) >= 0;
    return isCaughtUp ? stored : rehearsed;
  }
}

function forecastEvent(task: Task | undefined, nextId: StreamId, event: TaskEvent): Forecast {
  const outcome = foldEvent(task, nextId, event);
  if (outcome.kind === 'invalid') return { kind: 'invalid', fault: outcome.problem };
  if (outcome.kind !== 'applied') return outcome;
  const to = outcome.task.status;
  if (task === undefined) return { kind: 'applied', from: undefined, to };
  const isLate = outcome.task.attempt === task.attempt && event.occurredAt < task.occurredAt;
  const overwrites = isLate ? overwritten(task, outcome.task) : [];
  if (overwrites.length === 0) return { kind: 'applied', from: task.status, to };
  const times = { occurredAt: event.occurredAt, taskAt: task.occurredAt };
  return { kind: 'older', from: task.status, to, overwrites, ...times };
}

/** What an event can replace. */
const REPLACEABLE = [
  'status',
  'taskName',
  'flow',
  'actor',
  'prLinks',
  'visibility',
  'message',
] as const satisfies readonly (keyof TaskItem)[];

/** What the task said and would no longer say. When it was said is not known, so all of it counts. */
function overwritten(before: Task, after: Task): string[] {
  return REPLACEABLE.filter((field) => {
    const said = JSON.stringify(before[field]);
    return said !== JSON.stringify(after[field]) && !isUnsaid(before, field);
  });
}

function isUnsaid(task: Task, field: (typeof REPLACEABLE)[number]): boolean {
  switch (field) {
    case 'taskName':
      return task.taskName === task.executionId;
    case 'prLinks':
      return task.prLinks.length === 0;
    case 'visibility':
      return task.visibility.responsibleUsers.length === 0;
    default:
      return task[field] === null;
  }
}
