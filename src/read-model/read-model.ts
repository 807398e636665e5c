import type { TaskItem, TaskPage, TaskStatus } from '@tasktrail/contract';
import type { Sight } from '../auth/visibility.ts';

/**
 * The read model: the latest state of every task, as the projector keeps it, read page by page.
 *
 * `indexes.ts` says which ordered sets hold a task; `page-plan.ts` decides which of them a query
 * walks; `page-cursor.ts` is where a walk goes on; `snapshot.ts` sends it to Redis, which reads
 * the position in the same step as the first rows.
 */
export interface TaskFilter {
  /** Undefined: tasks of every project. */
  readonly project: string | undefined;
  /** Empty: tasks of every status. Else each status once. */
  readonly statuses: readonly TaskStatus[];
}

export interface PageQuery {
  readonly filter: TaskFilter;
  readonly sight: Sight;
  /** Tasks on a page, at least 1. Every page is full but the last. */
  readonly limit: number;
  /** The `nextCursor` of the page before; undefined for the first page. */
  readonly cursor: string | undefined;
}

export interface ReadModel {
  /**
   * @throws PageCursorError when the cursor is damaged, of other filters or of another history
   * @throws ReadModelUnavailableError when Redis is away or no history has been opened yet
   */
  page(query: PageQuery): Promise<TaskPage>;
  /**
   * Undefined when there is no such task, and also when the viewer may not see it.
   *
   * @throws ReadModelUnavailableError
   */
  task(executionId: string, sight: Sight): Promise<TaskItem | undefined>;
}

export class PageCursorError extends Error {
  override readonly name = 'PageCursorError';
}

export class ReadModelUnavailableError extends Error {
  override readonly name = 'ReadModelUnavailableError';
}
