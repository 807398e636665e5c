import { type Actor, TaskEventSchema, type TaskStatus } from '@tasktrail/contract';
import type { z } from 'zod';
import { githubExecutionId } from './execution-id.ts';
import {
  CheckRunPayloadSchema,
  type User,
  WorkflowJobPayloadSchema,
  WorkflowRunPayloadSchema,
} from './github-payloads.ts';
import { githubState } from './github-status.ts';
import { checkRun, type Subject, workflowJob, workflowRun } from './github-subject.ts';
import type { GithubTaskWebhook, MappedWebhook, WebhookDelivery } from './intake.ts';
import { lineOf } from './line.ts';
import { pullRequestLinks } from './pull-request-links.ts';

/**
 * Maps a webhook of GitHub to the task event that it tells of.
 *
 * The state is that of the run, job or check in the payload, never the action: payloads are made a
 * moment after what caused them, and real ones say `completed` of something queued. So every action
 * maps, future ones too, and says again where the task is.
 *
 * The message is always given, null when there is nothing to add, because what was said of one
 * status ("waiting", "timed out") is wrong for the next. Never throws.
 *
 * @param name the `X-GitHub-Event` header
 * @param payload the parsed JSON body
 */
export function mapGithubWebhook(
  name: string,
  payload: unknown,
  delivery: WebhookDelivery = {},
): MappedWebhook {
  switch (name) {
    case 'workflow_run':
      return map(name, WorkflowRunPayloadSchema, workflowRun, payload, delivery);
    case 'workflow_job':
      return map(name, WorkflowJobPayloadSchema, workflowJob, payload, delivery);
    case 'check_run':
      return map(name, CheckRunPayloadSchema, checkRun, payload, delivery);
    default:
      return { kind: 'ignored', reason: 'this webhook tells of no task' };
  }
}

function map<S extends z.ZodType>(
  name: GithubTaskWebhook,
  schema: S,
  toSubject: (payload: z.output<S>) => Subject,
  payload: unknown,
  delivery: WebhookDelivery,
): MappedWebhook {
  const parsed = schema.safeParse(payload);
  if (parsed.success) return toEvent(name, toSubject(parsed.data), delivery);
  const issue = parsed.error.issues[0] as z.core.$ZodIssue;
  return invalid(issue.path.join('.'), issue.message);
}

function toEvent(
  name: GithubTaskWebhook,
  subject: Subject,
  delivery: WebhookDelivery,
): MappedWebhook {
  const state = githubState(subject.status, subject.conclusion);
  if (state.kind === 'unknown_status') {
    return { kind: 'ignored', reason: `the status of this ${name} is none that is known` };
  }
  if (state.kind === 'no_conclusion') {
    return invalid(`${name}.conclusion`, 'is required once the status is completed');
  }
  const occurredAt = timeOf(subject, state.status);
  if (occurredAt === undefined) return invalid(name, 'has no time for its status');
  const eventId = delivery.id ? `github:${delivery.id}` : undefined;
  if (!TaskEventSchema.shape.eventId.safeParse(eventId).success) {
    return invalid('', 'the delivery id must be one line of at most 193 characters');
  }
  const { id, kind, repository } = subject;
  return {
    kind: 'event',
    event: {
      executionId: githubExecutionId(kind, repository.full_name, id),
      occurredAt,
      project: repository.full_name,
      status: state.status,
      taskName: subject.name,
      flow: subject.flow,
      actor: actorOf(subject.starter),
      prLinks: pullRequestLinks(subject.pullRequests, repository),
      message: messageOf(state.nuance, subject.detail),
      attempt: subject.attempt,
      eventId,
    },
  };
}

function timeOf({ times }: Subject, status: TaskStatus): string | undefined {
  const candidates = status === 'queued' || status === 'in_progress' ? times[status] : times.ended;
  return candidates.find(Boolean) ?? undefined;
}

function actorOf(user: User): Actor | undefined {
  if (!user) return undefined;
  const displayName = lineOf(user.name, 300);
  return { provider: 'github', id: user.login, ...(displayName && { displayName }) };
}

/** `failure: Run the tests`, `timed out`, or what a check says of itself. */
function messageOf(nuance: string | undefined, detail: string | undefined): string | null {
  return lineOf([nuance, detail].filter(Boolean).join(': '), 2000) ?? null;
}

function invalid(field: string, reason: string): MappedWebhook {
  return { kind: 'invalid', field, reason };
}
