import {
  type InvalidEntry,
  isTerminal,
  type StreamId,
  type TaskEvent,
  type TaskStatus,
} from '@tasktrail/contract';
import type { Task } from '../redis/task-row.ts';

/** What one event does to one task. */
export type FoldOutcome =
  | { readonly kind: 'applied'; readonly task: Task }
  /** The producer sent it before: same `eventId`. */
  | { readonly kind: 'duplicate' }
  /** Something later is known already. */
  | { readonly kind: 'stale' }
  | { readonly kind: 'invalid'; readonly problem: InvalidEntry };

/**
 * How many event ids a task remembers. A copy that comes after more than so many others is applied
 * again. (PROTOCOL.md, "Fold rules")
 */
const REMEMBERED_EVENT_IDS = 8;

/**
 * Folds an event into a task: no clock, no I/O. Events apply in stream order; time comes from the
 * event. Times are UTC texts with milliseconds, which compare as times.
 *
 * @param task undefined before the first event of the execution
 * @param id the event's entry id
 */
export function foldEvent(task: Task | undefined, id: StreamId, event: TaskEvent): FoldOutcome {
  if (task === undefined) return begin(id, event);
  if (event.project !== undefined && event.project !== task.project) {
    return invalid('project_changed', 'project', `must stay ${task.project}`);
  }
  if (event.eventId !== undefined && task.recentEventIds.includes(event.eventId)) {
    return { kind: 'duplicate' };
  }
  const attempt = event.attempt ?? task.attempt;
  if (attempt < task.attempt) return { kind: 'stale' };
  if (attempt > task.attempt) {
    if (event.status === undefined) {
      return invalid('status_required', 'status', 'is required when a new attempt begins');
    }
    const restarted = { ...task, attempt, message: null, startedAt: null, finishedAt: null };
    return { kind: 'applied', task: applyFields(restarted, id, event) };
  }
  if (event.status !== undefined && isOvertaken(task, event.status, event.occurredAt)) {
    return { kind: 'stale' };
  }
  return { kind: 'applied', task: applyFields(task, id, event) };
}

function begin(id: StreamId, event: TaskEvent): FoldOutcome {
  const { executionId, project, status, occurredAt } = event;
  if (project === undefined) return missing('project');
  if (status === undefined) return missing('status');
  const blank: Task = {
    executionId,
    taskName: executionId,
    status,
    project,
    occurredAt,
    flow: null,
    actor: null,
    prLinks: [],
    visibility: { responsibleUsers: [] },
    lastEventId: id,
    createdAt: occurredAt,
    startedAt: null,
    finishedAt: null,
    attempt: event.attempt ?? 1,
    message: null,
    recentEventIds: [],
  };
  return { kind: 'applied', task: applyFields(blank, id, event) };
}

/**
 * Whether a status comes too late for a task that has ended. Clocks of forges tick in seconds, so
 * that a run's end and what came before it may carry the same time: at the same time an end still
 * counts, and anything else does not.
 */
function isOvertaken(task: Task, status: TaskStatus, occurredAt: string): boolean {
  if (task.finishedAt === null) return false;
  return isTerminal(status) ? occurredAt < task.finishedAt : occurredAt <= task.finishedAt;
}

function applyFields(task: Task, id: StreamId, event: TaskEvent): Task {
  const { status, occurredAt, eventId } = event;
  return {
    ...task,
    taskName: given(event.taskName, task.taskName) ?? task.executionId,
    status: status ?? task.status,
    occurredAt: occurredAt > task.occurredAt ? occurredAt : task.occurredAt,
    flow: given(event.flow, task.flow),
    actor: given(event.actor, task.actor),
    prLinks: event.prLinks ?? task.prLinks,
    visibility: given(event.visibility, task.visibility) ?? { responsibleUsers: [] },
    lastEventId: id,
    startedAt: task.startedAt ?? (status === 'in_progress' ? occurredAt : null),
    finishedAt: finishedAtAfter(task, event),
    message: given(event.message, task.message),
    recentEventIds:
      eventId === undefined
        ? task.recentEventIds
        : [...task.recentEventIds, eventId].slice(-REMEMBERED_EVENT_IDS),
  };
}

/** Null is given: it clears. Only what is absent leaves the task's value as it is. */
function given<T>(value: T | undefined, current: T): T {
  return value === undefined ? current : value;
}

/** An end sets it, being reopened clears it, and an event without a status leaves it. */
function finishedAtAfter(task: Task, { status, occurredAt }: TaskEvent): string | null {
  if (status === undefined) return task.finishedAt;
  return isTerminal(status) ? occurredAt : null;
}

function missing(field: 'project' | 'status'): FoldOutcome {
  return invalid('missing_field', field, 'is required on the first event of an execution');
}

function invalid(
  reason: InvalidEntry['reason'],
  field: InvalidEntry['field'],
  detail: string,
): FoldOutcome {
  return { kind: 'invalid', problem: { reason, field, detail } };
}
