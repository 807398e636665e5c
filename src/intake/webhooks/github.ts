import type { z } from 'zod';
import type { MappedWebhook, WebhookDelivery } from '../intake.ts';
import {
  CheckRunPayloadSchema,
  CheckSuitePayloadSchema,
  DeploymentStatusPayloadSchema,
  PullRequestPayloadSchema,
  WorkflowJobPayloadSchema,
  WorkflowRunPayloadSchema,
} from './github-payloads.ts';
import {
  checkRun,
  checkSuite,
  deploymentStatus,
  workflowJob,
  workflowRun,
} from './github-subject.ts';
import { eventOf, readPayload, type Subject } from './webhook-subject.ts';

/**
 * Maps a webhook of GitHub to what it tells: a task event, or a pull request and its head.
 *
 * The state is that of the run, job, check, suite or deployment in the payload, never the action:
 * payloads are made a moment after what caused them, and real ones say `completed` of something
 * queued. So every action maps, future ones too, and says again where the task is.
 *
 * The message is always given, null when there is nothing to add, because what was said of one
 * status ("waiting", "timed out") is wrong for the next; but for a check run of Actions, whose job
 * knows more. Never throws.
 *
 * @param name the `X-GitHub-Event` header
 * @param payload the parsed JSON body
 */
export function mapGithubWebhook(
  name: string,
  payload: unknown,
  delivery: WebhookDelivery = {},
): MappedWebhook {
  const map = <S extends z.ZodType>(schema: S, toSubject: (payload: z.output<S>) => Subject) =>
    readPayload(schema, payload, (read) => eventOf('github', name, toSubject(read), delivery));
  switch (name) {
    case 'workflow_run':
      return map(WorkflowRunPayloadSchema, workflowRun);
    case 'workflow_job':
      return map(WorkflowJobPayloadSchema, workflowJob);
    case 'check_run':
      return map(CheckRunPayloadSchema, checkRun);
    case 'check_suite':
      return map(CheckSuitePayloadSchema, checkSuite);
    case 'deployment_status':
      return map(DeploymentStatusPayloadSchema, deploymentStatus);
    case 'pull_request':
      return mapPullRequest(payload);
    default:
      return { kind: 'unmapped', reason: 'webhooks of this type tell of no task' };
  }
}

/** Whatever the action: a webhook may be set up long after the pull request was opened. */
export function mapPullRequest(payload: unknown): MappedWebhook {
  return readPayload(PullRequestPayloadSchema, payload, ({ repository, pull_request }) => ({
    kind: 'pull_request',
    pullRequest: {
      project: repository.full_name,
      commit: pull_request.head.sha,
      url: pull_request.html_url,
      openedAt: pull_request.created_at,
    },
  }));
}
