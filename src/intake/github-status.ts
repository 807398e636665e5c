import type { TaskStatus } from '@tasktrail/contract';

/** What the status and the conclusion of a run, job or check mean for the task. */
export type GithubState =
  | {
      readonly kind: 'known';
      readonly status: TaskStatus;
      /** What the task's status does not say, in GitHub's own words: `timed out`, `waiting`. */
      readonly nuance: string | undefined;
    }
  | { readonly kind: 'unknown_status' }
  /** Completed, but not said how. */
  | { readonly kind: 'no_conclusion' };

const OPEN: ReadonlyMap<string, TaskStatus> = new Map([
  // Created, and not yet looked at.
  ['requested', 'queued'],
  ['queued', 'queued'],
  // Held back by a deployment protection rule, such as an approval.
  ['waiting', 'queued'],
  // Held back by a concurrency limit.
  ['pending', 'queued'],
  ['in_progress', 'in_progress'],
]);

const ENDED: ReadonlyMap<string, TaskStatus> = new Map([
  ['success', 'success'],
  // Neither passed nor failed, and blocks nothing: GitHub itself counts both as passed.
  ['neutral', 'success'],
  ['skipped', 'success'],
  ['cancelled', 'cancelled'],
  // GitHub gave up on a check that nobody completed for two weeks: it has no result.
  ['stale', 'cancelled'],
  ['failure', 'error'],
  ['timed_out', 'error'],
  // It ended and somebody must act: an approval, or what a check asks for. It may be run again.
  ['action_required', 'error'],
  // It never ran, for instance because its workflow file is broken.
  ['startup_failure', 'error'],
]);

const WITHOUT_NUANCE: ReadonlySet<string> = new Set([
  'requested',
  'queued',
  'in_progress',
  'success',
  'cancelled',
]);

/**
 * Total over all texts. A status that GitHub may invent is `unknown_status`: it says nothing about
 * where the task is. A new conclusion is an error: the task has ended, which must be told, or it
 * would stay in progress for ever; and an ending that is not known to be good wants a person.
 */
export function githubState(status: string, conclusion: string | null | undefined): GithubState {
  if (status !== 'completed') {
    const open = OPEN.get(status);
    return open === undefined ? { kind: 'unknown_status' } : known(open, status);
  }
  return conclusion
    ? known(ENDED.get(conclusion) ?? 'error', conclusion)
    : { kind: 'no_conclusion' };
}

function known(status: TaskStatus, word: string): GithubState {
  const nuance = WITHOUT_NUANCE.has(word) ? undefined : word.replaceAll('_', ' ');
  return { kind: 'known', status, nuance };
}
