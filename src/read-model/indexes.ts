import type { TaskItem } from '@tasktrail/contract';
import { audienceOf } from '../auth/visibility.ts';
import type { Keys } from '../redis/keys.ts';

/**
 * The ordered sets that hold a task: whatever makes every snapshot query cost O(page). The
 * projector writes them, the snapshot queries read them, and both ask here which they are.
 */
export function indexKeysOf(task: TaskItem, keys: Keys): string[] {
  const { all, byStatus, byProject, byProjectAndStatus, byPrincipal } = keys.executions;
  return [
    all(),
    byStatus(task.status),
    byProject(task.project),
    byProjectAndStatus(task.project, task.status),
    ...audienceOf(task).map(byPrincipal),
  ];
}

/** The score of a task in all of its ordered sets: milliseconds since 1970. */
export function indexScoreOf(task: TaskItem): number {
  return Date.parse(task.occurredAt);
}
