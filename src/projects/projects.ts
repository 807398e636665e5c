import type { ProjectListItem } from '@tasktrail/contract';
import type { HealthCheck, Service } from '../runtime/service.ts';

/**
 * The list of projects that a dashboard offers: read from a file or an S3 object, looked at again
 * on an interval, re-read when it changed. While the source is broken the last good list stays in
 * force, and readiness details and metrics say so; it never makes the process unready.
 * (PROTOCOL.md, "Projects")
 *
 * `project-list.ts` judges a document; `projects-state.ts` decides which list is in force and what
 * is said about it; `file-source.ts` and `s3-source.ts` read; `projects-service.ts` is the loop.
 */
export interface Projects extends Service, HealthCheck {
  /** @throws ProjectsUnavailableError when no list could be read yet */
  list(): readonly ProjectListItem[];
}

export class ProjectsUnavailableError extends Error {
  override readonly name = 'ProjectsUnavailableError';
}

/** What a look at the source found. `failed`: it could not be read, or what it holds is not valid. */
export type RefreshOutcome = 'unchanged' | 'changed' | 'failed';

/** Told after every look at the configured source; looks at the fallback do not count. */
export interface ProjectsMetrics {
  onRefresh(outcome: RefreshOutcome): void;
  /** A gauge: for how many seconds the source has been broken; 0 while it is not. */
  setBrokenSeconds(seconds: number): void;
}
