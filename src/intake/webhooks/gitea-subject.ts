import type { Actor } from '@tasktrail/contract';
import { giteaExecutionId, giteaStatusId } from '../execution-id.ts';
import type {
  GiteaJobPayload,
  GiteaRunPayload,
  GiteaStatusPayload,
  GiteaUser,
} from './gitea-payloads.ts';
import { commitState, giteaState } from './gitea-status.ts';
import { commitOf } from './github-payloads.ts';
import { lineOf } from './line.ts';
import { pullRequestLinks } from './pull-request-links.ts';
import { webAddress } from './web-address.ts';
import { actorOf, MAX_FLOW, MAX_NAME, messageOf, type Subject } from './webhook-subject.ts';

export function giteaRun(payload: GiteaRunPayload): Subject {
  const { workflow_run: run, workflow, repository, sender } = payload;
  const state = giteaState(run.status, run.conclusion);
  const own = webAddress(payload.pull_request?.html_url ?? '');
  const links = new Set([
    ...(own === undefined ? [] : [own]),
    ...(pullRequestLinks(run.pull_requests, repository, 'pulls') ?? []),
  ]);
  const moved = [run.updated_at, run.created_at, repository.updated_at];
  return {
    executionId: giteaExecutionId('run', repository.full_name, run.id),
    project: repository.full_name,
    state,
    attempt: run.run_attempt,
    name: lineOf(run.display_title, MAX_NAME) ?? lineOf(run.name, MAX_NAME),
    flow: lineOf(workflow?.name, MAX_FLOW) ?? lineOf(run.path?.split('@')[0], MAX_FLOW),
    actor: giteaActor(run.trigger_actor ?? run.actor ?? sender),
    prLinks: links.size === 0 ? undefined : [...links],
    message: messageOf(state, undefined),
    commit: run.head_sha,
    times: {
      queued: moved,
      in_progress: [run.started_at, ...moved],
      ended: [run.completed_at, run.updated_at, run.started_at, repository.updated_at],
    },
  };
}

export function giteaJob(payload: GiteaJobPayload): Subject {
  const { workflow_job: job, repository, sender } = payload;
  const state = giteaState(job.status, job.conclusion);
  return {
    executionId: giteaExecutionId('job', repository.full_name, job.id),
    project: repository.full_name,
    state,
    attempt: job.run_attempt,
    name: lineOf(job.name, MAX_NAME),
    actor: giteaActor(sender),
    message: messageOf(state, failedStep(job)),
    commit: job.head_sha,
    times: {
      queued: [job.created_at],
      in_progress: [job.started_at, job.created_at],
      ended: [job.completed_at, job.started_at, job.created_at],
    },
  };
}

export function giteaStatus(payload: GiteaStatusPayload): Subject {
  const { sha, context, description, repository, sender } = payload;
  const state = commitState(payload.state, payload.target_url);
  const times = [payload.updated_at, payload.created_at];
  return {
    executionId: giteaStatusId(repository.full_name, sha, context),
    project: repository.full_name,
    state,
    name: lineOf(context, MAX_NAME),
    actor: giteaActor(sender),
    message: messageOf(state, description),
    commit: commitOf(sha),
    times: { queued: times, in_progress: times, ended: times },
  };
}

/** Only where steps have conclusions of their own, which a step that succeeded before it proves. */
function failedStep({ conclusion, steps }: GiteaJobPayload['workflow_job']): string | undefined {
  if (conclusion !== 'failure') return undefined;
  const areOwn = steps?.some((step) => step?.conclusion === 'success');
  const failed = steps?.find((step) => step?.conclusion === 'failure');
  return (areOwn && failed?.name) || undefined;
}

function giteaActor(user: GiteaUser): Actor | undefined {
  return actorOf('gitea', user, user?.full_name);
}
