import type { TaskStatus } from '@tasktrail/contract';
import { type ForgeState, githubState, knownState } from './github-status.ts';

/** The state of a run or job: GitHub's words, but that a skipped job of 1.24 has no conclusion. */
export function giteaState(status: string, conclusion: string | null | undefined): ForgeState {
  return githubState(status, conclusion || 'skipped');
}

const COMMIT_STATUS: ReadonlyMap<string, TaskStatus> = new Map([
  // No later state says that it runs, so that as queued it would never be seen running. Who sets a
  // commit's status to pending has seen the commit, and most have begun.
  ['pending', 'in_progress'],
  ['success', 'success'],
  ['warning', 'success'],
  ['skipped', 'success'],
  ['failure', 'error'],
  ['error', 'error'],
]);

/** What the status of the task does not say; of the others the description does. */
const WITH_NUANCE: ReadonlySet<string> = new Set(['warning', 'skipped']);

const JOB_PAGE = /\/actions\/runs\/\d+\/jobs\/\d+$/;

/**
 * The state of a commit status. Gitea sets one for each of its own jobs, and also tells those as
 * `workflow_job`. Gitea itself recognises them by their address, the page of the job. It cannot be
 * told which job's, because up to 1.25 the address counts runs and jobs within repository and run.
 */
export function commitState(state: string, targetUrl: string | null | undefined): ForgeState {
  if (JOB_PAGE.test(URL.parse(targetUrl ?? '')?.pathname ?? '')) {
    const reason = "what this status of Gitea's own Actions says, its workflow_job says";
    return { kind: 'no_news', reason };
  }
  const status = COMMIT_STATUS.get(state);
  if (status === undefined) return { kind: 'unknown_status' };
  return WITH_NUANCE.has(state)
    ? knownState(status, state)
    : { kind: 'known', status, nuance: undefined };
}
