import type { CheckRunCompletedEvent, WorkflowJob, WorkflowRun } from '@octokit/webhooks-types';
import type { TaskStatus } from '@tasktrail/contract';
import { describe, expect, it } from 'vitest';
import { githubState } from '../../../src/intake/webhooks/github-status.ts';

type CheckRun = CheckRunCompletedEvent['check_run'];
/** As GitHub's payload schemas list them, and what its REST documentation has beyond. */
type OpenStatus =
  | Exclude<WorkflowRun['status'] | WorkflowJob['status'] | CheckRun['status'], 'completed'>
  | 'pending';
type Conclusion =
  | NonNullable<WorkflowRun['conclusion'] | WorkflowJob['conclusion'] | CheckRun['conclusion']>
  | 'startup_failure';

/** The compiler holds these tables complete; the tests hold them true. */
const OPEN: Record<OpenStatus, readonly [TaskStatus, nuance: string | undefined]> = {
  requested: ['queued', undefined],
  queued: ['queued', undefined],
  waiting: ['queued', 'waiting'],
  pending: ['queued', 'pending'],
  in_progress: ['in_progress', undefined],
};
const ENDED: Record<Conclusion, readonly [TaskStatus, nuance: string | undefined]> = {
  success: ['success', undefined],
  neutral: ['success', 'neutral'],
  skipped: ['success', 'skipped'],
  cancelled: ['cancelled', undefined],
  stale: ['cancelled', 'stale'],
  failure: ['error', 'failure'],
  timed_out: ['error', 'timed out'],
  action_required: ['error', 'action required'],
  startup_failure: ['error', 'startup failure'],
};
const CONCLUSIONS = [null, undefined, '', ...Object.keys(ENDED), 'paused'];

describe('githubState', () => {
  for (const [status, [expected, nuance]] of Object.entries(OPEN)) {
    it(`takes ${status} for ${expected}, whatever the conclusion says`, () => {
      for (const conclusion of CONCLUSIONS) {
        expect(githubState(status, conclusion)).toEqual({
          kind: 'known',
          status: expected,
          nuance,
        });
      }
    });
  }

  for (const [conclusion, [expected, nuance]] of Object.entries(ENDED)) {
    it(`takes completed with ${conclusion} for ${expected}`, () => {
      const state = githubState('completed', conclusion);
      expect(state).toEqual({ kind: 'known', status: expected, nuance });
    });
  }

  it('takes a conclusion of the future for an error that names it', () => {
    for (const conclusion of ['half_done', 'constructor', '__proto__']) {
      const nuance = conclusion.replaceAll('_', ' ');
      const expected = { kind: 'known', status: 'error', nuance };
      expect(githubState('completed', conclusion)).toEqual(expected);
    }
  });

  it('does not guess what a status of the future means', () => {
    for (const status of ['paused', '', 'success', 'constructor', 'Queued']) {
      for (const conclusion of CONCLUSIONS) {
        expect(githubState(status, conclusion)).toEqual({ kind: 'unknown_status' });
      }
    }
  });

  it('wants to know how something completed', () => {
    for (const conclusion of [null, undefined, '']) {
      expect(githubState('completed', conclusion)).toEqual({ kind: 'no_conclusion' });
    }
  });
});
