import type { TaskStatus } from '@tasktrail/contract';

/** What a forge's words for a state mean for the task. */
export type ForgeState =
  | {
      readonly kind: 'known';
      readonly status: TaskStatus;
      /** What the task's status does not say, in the forge's own words: `timed out`, `waiting`. */
      readonly nuance: string | undefined;
    }
  | { readonly kind: 'unknown_status' }
  /** Completed, but not said how. */
  | { readonly kind: 'no_conclusion' }
  /** Says nothing of a task that another webhook does not say. */
  | { readonly kind: 'no_news'; readonly reason: string };

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

const DEPLOYMENT: ReadonlyMap<string, TaskStatus> = new Map([
  ['pending', 'queued'],
  ['queued', 'queued'],
  ['waiting', 'queued'],
  ['in_progress', 'in_progress'],
  ['success', 'success'],
  ['failure', 'error'],
  ['error', 'error'],
]);

const WITHOUT_NUANCE: ReadonlySet<string> = new Set([
  'requested',
  'queued',
  'in_progress',
  'success',
  'error',
  'cancelled',
]);

/**
 * Total over all texts. A status that GitHub may invent is `unknown_status`: it says nothing about
 * where the task is. A new conclusion is an error: the task has ended, which must be told, or it
 * would stay in progress for ever; and an ending that is not known to be good wants a person.
 */
export function githubState(status: string, conclusion: string | null | undefined): ForgeState {
  if (status !== 'completed') {
    const open = OPEN.get(status);
    return open === undefined ? { kind: 'unknown_status' } : knownState(open, status);
  }
  return conclusion
    ? knownState(ENDED.get(conclusion) ?? 'error', conclusion)
    : { kind: 'no_conclusion' };
}

/** Total over all texts. A state of the future may not be an end, so nothing is made of it. */
export function deploymentState(state: string): ForgeState {
  if (state === 'inactive') {
    const reason = 'another deployment took the place of this one, which had ended before';
    return { kind: 'no_news', reason };
  }
  const status = DEPLOYMENT.get(state);
  return status === undefined ? { kind: 'unknown_status' } : knownState(status, state);
}

/** @param word the forge's own, which becomes the nuance where the status says less */
export function knownState(status: TaskStatus, word: string): ForgeState {
  const nuance = WITHOUT_NUANCE.has(word) ? undefined : word.replaceAll('_', ' ');
  return { kind: 'known', status, nuance };
}
