import type { FrameData, TaskItem, TaskStatus } from '@tasktrail/contract';
import { audienceOf, type ModelChange } from './history.ts';

/** What a viewer asks for, and who it is. */
export interface Sight {
  readonly project?: string | undefined;
  readonly statuses?: readonly TaskStatus[] | undefined;
  /** Absent: it sees every task. */
  readonly principals?: readonly string[] | undefined;
}

/** A data frame that a viewer must be sent. */
export type ExpectedFrame =
  | { readonly name: 'task_status_updated'; readonly data: FrameData['task_status_updated'] }
  | { readonly name: 'task_removed'; readonly data: FrameData['task_removed'] };

/** PROTOCOL.md, "Who may see what". */
function maySee({ principals }: Sight, item: TaskItem): boolean {
  if (principals === undefined) return true;
  const audience = audienceOf(item);
  return principals.some((principal) => audience.has(principal));
}

export function passes(sight: Sight, item: TaskItem): boolean {
  const { project, statuses = [] } = sight;
  const isAskedFor =
    (project === undefined || project === item.project) &&
    (statuses.length === 0 || statuses.includes(item.status));
  return isAskedFor && maySee(sight, item);
}

/** PROTOCOL.md, "The stream": what this viewer is told of a change; undefined for nothing. */
export function frameOf(
  sight: Sight,
  { item, before, id }: ModelChange,
): ExpectedFrame | undefined {
  const passedBefore = before !== undefined && passes(sight, before);
  if (passes(sight, item)) {
    const previousStatus = passedBefore ? before.status : null;
    return { name: 'task_status_updated', data: { ...item, previousStatus } };
  }
  if (!passedBefore) return undefined;
  const { executionId, project } = item;
  const reason = maySee(sight, item) ? 'filtered' : 'not_visible';
  const lastEventId = id as TaskItem['lastEventId'];
  return { name: 'task_removed', data: { executionId, project, reason, lastEventId } };
}

/** Newest first, ties by id descending in byte order: ids are ASCII. */
export function inPageOrder(items: readonly TaskItem[]): TaskItem[] {
  return items.toSorted((a, b) => {
    const ms = Date.parse(b.occurredAt) - Date.parse(a.occurredAt);
    return ms || (a.executionId < b.executionId ? 1 : -1);
  });
}
