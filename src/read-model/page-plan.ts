import { TASK_STATUSES, type TaskStatus } from '@tasktrail/contract';
import type { Sight } from '../auth/visibility.ts';
import type { Keys } from '../redis/keys.ts';
import type { TaskFilter } from './read-model.ts';

/** How the tasks of a query are found. */
export interface PagePlan {
  /** Ordered sets, walked together; a task may be in several of them. */
  readonly sets: readonly string[];
  /** What the sets do not ensure and each row must be asked for; a filter of nothing asks nothing. */
  readonly rest: TaskFilter;
}

const NO_FILTER: TaskFilter = { project: undefined, statuses: [] };

/**
 * Who sees everything walks the sets that the filter names, so that every task found is one of the
 * page. Who sees their own walks the sets of their principals and filters what is found: at most
 * their own tasks, where the filter's sets might hold everyone's.
 */
export function planPage(filter: TaskFilter, sight: Sight, keys: Keys): PagePlan {
  const { all, byStatus, byProject, byProjectAndStatus, byPrincipal } = keys.executions;
  const { project, statuses } = normalizeFilter(filter);
  if (sight.kind === 'own') {
    return { sets: [...sight.principals].map(byPrincipal), rest: { project, statuses } };
  }
  if (statuses.length === 0) {
    return { sets: [project === undefined ? all() : byProject(project)], rest: NO_FILTER };
  }
  const ofStatus = (status: TaskStatus) =>
    project === undefined ? byStatus(status) : byProjectAndStatus(project, status);
  return { sets: statuses.map(ofStatus), rest: NO_FILTER };
}

/** One spelling for each filter: each status once, in a fixed order, and none instead of all. */
export function normalizeFilter({ project, statuses }: TaskFilter): TaskFilter {
  const wanted = TASK_STATUSES.filter((status) => statuses.includes(status));
  return { project, statuses: wanted.length === TASK_STATUSES.length ? [] : wanted };
}
