import type {
  CheckRunPayload,
  PullRequests,
  Repository,
  User,
  WorkflowJobPayload,
  WorkflowRunPayload,
} from './github-payloads.ts';
import { lineOf } from './line.ts';

/** What the three kinds of payload say in common, each in its own words. */
export interface Subject {
  readonly kind: 'run' | 'job' | 'check';
  readonly id: number;
  readonly status: string;
  readonly conclusion: string | undefined;
  readonly attempt: number | undefined;
  readonly name: string | undefined;
  readonly flow: string | undefined;
  readonly starter: User;
  readonly repository: Repository;
  readonly pullRequests: PullRequests;
  /** More about the state than GitHub's word for it; not yet made to fit. */
  readonly detail: string | undefined;
  /** When it came to each kind of status, in UTC: of several times, the first that is there. */
  readonly times: {
    readonly [S in 'queued' | 'in_progress' | 'ended']: readonly (string | null | undefined)[];
  };
}

const MAX_NAME = 300;
const MAX_FLOW = 100;

export function workflowRun(payload: WorkflowRunPayload): Subject {
  const { workflow_run: run, workflow, repository, sender } = payload;
  // A run has no time for each status. This one moves with it, also when the run is run again.
  const times = [run.updated_at, run.run_started_at, run.created_at];
  return {
    kind: 'run',
    id: run.id,
    status: run.status,
    conclusion: run.conclusion ?? undefined,
    attempt: run.run_attempt ?? undefined,
    name: lineOf(run.display_title, MAX_NAME) ?? lineOf(run.name, MAX_NAME),
    flow: lineOf(workflow?.name, MAX_FLOW) ?? lineOf(run.name, MAX_FLOW),
    starter: run.triggering_actor ?? run.actor ?? sender,
    repository,
    pullRequests: run.pull_requests,
    detail: undefined,
    times: { queued: times, in_progress: times, ended: times },
  };
}

export function workflowJob(payload: WorkflowJobPayload): Subject {
  const { workflow_job: job, repository, sender } = payload;
  const isBad = job.status === 'completed' && job.conclusion !== 'success';
  const failed = job.steps?.find(
    (step) => step?.conclusion === 'failure' || step?.conclusion === 'timed_out',
  );
  return {
    kind: 'job',
    id: job.id,
    status: job.status,
    conclusion: job.conclusion ?? undefined,
    attempt: job.run_attempt ?? undefined,
    name: lineOf(job.name, MAX_NAME),
    flow: lineOf(job.workflow_name, MAX_FLOW),
    starter: sender,
    repository,
    pullRequests: undefined,
    detail: (isBad && failed?.name) || undefined,
    times: {
      queued: [job.created_at, job.started_at],
      in_progress: [job.started_at, job.created_at],
      ended: [job.completed_at, job.started_at, job.created_at],
    },
  };
}

export function checkRun(payload: CheckRunPayload): Subject {
  const { check_run: check, action, repository, sender } = payload;
  // Who asks for a check again, or presses a button of it, did not start it; and since who started
  // a task may see it, naming them would hide it from the one who did.
  const isAskedFor = action === 'rerequested' || action === 'requested_action';
  return {
    kind: 'check',
    id: check.id,
    status: check.status,
    conclusion: check.conclusion ?? undefined,
    attempt: undefined,
    name: lineOf(check.name, MAX_NAME),
    flow: undefined,
    starter: isAskedFor ? undefined : sender,
    repository,
    pullRequests: check.pull_requests,
    detail: check.output?.title ?? undefined,
    times: {
      queued: [check.started_at],
      in_progress: [check.started_at],
      ended: [check.completed_at, check.started_at],
    },
  };
}
