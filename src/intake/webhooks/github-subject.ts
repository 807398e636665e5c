import type { Actor } from '@tasktrail/contract';
import { githubExecutionId } from '../execution-id.ts';
import type {
  CheckRunPayload,
  CheckSuitePayload,
  DeploymentStatusPayload,
  User,
  WorkflowJobPayload,
  WorkflowRunPayload,
} from './github-payloads.ts';
import { deploymentState, type ForgeState, githubState } from './github-status.ts';
import { lineOf } from './line.ts';
import { pullRequestLinks } from './pull-request-links.ts';
import { actorOf, MAX_FLOW, MAX_NAME, messageOf, type Subject } from './webhook-subject.ts';

export function workflowRun(payload: WorkflowRunPayload): Subject {
  const { workflow_run: run, workflow, repository, sender } = payload;
  const state = githubState(run.status, run.conclusion);
  // A run has no time for each status. This one moves with it, also when the run is run again.
  const times = [run.updated_at, run.run_started_at, run.created_at];
  return {
    executionId: githubExecutionId('run', repository.full_name, run.id),
    project: repository.full_name,
    state,
    attempt: run.run_attempt ?? undefined,
    name: lineOf(run.display_title, MAX_NAME) ?? lineOf(run.name, MAX_NAME),
    flow: lineOf(workflow?.name, MAX_FLOW) ?? lineOf(run.name, MAX_FLOW),
    actor: githubActor(run.triggering_actor ?? run.actor ?? sender),
    prLinks: pullRequestLinks(run.pull_requests, repository),
    message: messageOf(state, undefined),
    commit: run.head_sha,
    times: { queued: times, in_progress: times, ended: times },
  };
}

export function workflowJob(payload: WorkflowJobPayload): Subject {
  const { workflow_job: job, repository, sender } = payload;
  const state = githubState(job.status, job.conclusion);
  const isBad = job.status === 'completed' && job.conclusion !== 'success';
  const failed = job.steps?.find(
    (step) => step?.conclusion === 'failure' || step?.conclusion === 'timed_out',
  );
  return {
    executionId: githubExecutionId('job', repository.full_name, job.id),
    project: repository.full_name,
    state,
    attempt: job.run_attempt ?? undefined,
    name: lineOf(job.name, MAX_NAME),
    flow: lineOf(job.workflow_name, MAX_FLOW),
    actor: githubActor(sender),
    message: messageOf(state, isBad ? failed?.name : undefined),
    commit: job.head_sha,
    times: {
      queued: [job.created_at, job.started_at],
      in_progress: [job.started_at, job.created_at],
      ended: [job.completed_at, job.started_at, job.created_at],
    },
  };
}

/**
 * A job of Actions is a check run, too, with the same number (its `check_run_url` ends in it), and
 * GitHub sends a webhook for each. So a check run of Actions tells of the task of the job: what it
 * adds are the pull requests; what only the job knows (attempt, flow, the step that failed) it leaves
 * alone. It has the job's own name and sender.
 */
export function checkRun(payload: CheckRunPayload): Subject {
  const { check_run: check, action, repository, sender } = payload;
  const isJob = isOfActions(check.app);
  const state = githubState(check.status, check.conclusion);
  // Who asks for a check again, or presses a button of it, did not start it; and since who started
  // a task may see it, naming them would hide it from the one who did.
  const isAskedFor = action === 'rerequested' || action === 'requested_action';
  return {
    executionId: githubExecutionId(isJob ? 'job' : 'check', repository.full_name, check.id),
    project: repository.full_name,
    state,
    name: lineOf(check.name, MAX_NAME),
    actor: isAskedFor ? undefined : githubActor(sender),
    prLinks: pullRequestLinks(check.pull_requests, repository),
    message: isJob ? undefined : messageOf(state, check.output?.title),
    commit: check.head_sha,
    times: {
      queued: [check.started_at],
      in_progress: [check.started_at],
      ended: [check.completed_at, check.started_at],
    },
  };
}

const SUITE_OF_ACTIONS: ForgeState = {
  kind: 'no_news',
  reason: 'what this check_suite of GitHub Actions says, its workflow_run says',
};

export function checkSuite(payload: CheckSuitePayload): Subject {
  const { check_suite: suite, action, repository, sender } = payload;
  const state = isOfActions(suite.app)
    ? SUITE_OF_ACTIONS
    : githubState(suite.status ?? '', suite.conclusion);
  const moved = [suite.updated_at, suite.created_at];
  return {
    executionId: githubExecutionId('suite', repository.full_name, suite.id),
    project: repository.full_name,
    state,
    name: lineOf(suite.app?.name, MAX_NAME),
    actor: action === 'rerequested' ? undefined : githubActor(sender),
    prLinks: pullRequestLinks(suite.pull_requests, repository),
    message: messageOf(state, undefined),
    commit: suite.head_sha,
    times: { queued: [suite.created_at, suite.updated_at], in_progress: moved, ended: moved },
  };
}

/** All statuses of one deployment are one task. */
export function deploymentStatus(payload: DeploymentStatusPayload): Subject {
  const { deployment, deployment_status: change, repository, workflow } = payload;
  const state = deploymentState(change.state);
  const description = lineOf(change.description, 2000);
  // Each status is one of its own, made when the deployment came to it.
  const times = [change.created_at, change.updated_at];
  const name = [deployment.task, deployment.environment].filter(Boolean).join(' to ');
  return {
    executionId: githubExecutionId('deployment', repository.full_name, deployment.id),
    project: repository.full_name,
    state,
    name: lineOf(name, MAX_NAME),
    flow: lineOf(workflow?.name, MAX_FLOW),
    actor: githubActor(deployment.creator),
    message: description ?? messageOf(state, undefined),
    commit: deployment.sha,
    times: { queued: times, in_progress: times, ended: times },
  };
}

function isOfActions(app: CheckRunPayload['check_run']['app']): boolean {
  return app?.slug === 'github-actions';
}

function githubActor(user: User): Actor | undefined {
  return actorOf('github', user, user?.name);
}
