import { ProjectSchema, TaskEventSchema } from '@tasktrail/contract';
import { z } from 'zod';
import { webAddress } from './web-address.ts';

/**
 * What the mapping reads of GitHub's webhook payloads, and nothing else: a payload has hundreds of
 * fields, and one that is not read may change its form. What an event cannot do without is
 * required; the rest may be missing or null, as it is on older servers and in older deliveries.
 */

export const TextSchema = z.string().nullish();
const TimeSchema = TaskEventSchema.shape.occurredAt.nullish();
const { attempt: AttemptSchema } = TaskEventSchema.shape;

/** The login becomes a principal, which decides who sees the task: it is never made to fit. */
export const LoginSchema = z
  .string()
  // UTF-16 code units, as an actor's id is counted; zod counts code points.
  .refine((login) => login.length <= 300, 'must be at most 300 characters long')
  .regex(/^[^\s\p{Cc}]+$/u, 'must be a login name');

const UserSchema = z.object({ login: LoginSchema, name: TextSchema }).nullish();

const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** The commit that something ran on only serves to find pull requests: what is none is absent. */
export function commitOf(sha: unknown): string | undefined {
  return typeof sha === 'string' && COMMIT.test(sha) ? sha : undefined;
}

const CommitSchema = z.unknown().transform(commitOf).optional();

export const PullRequestsSchema = z
  .array(z.object({ url: TextSchema, number: z.int().min(1).nullish() }).nullable())
  .nullish();

const RepositorySchema = z.object({ full_name: ProjectSchema, html_url: TextSchema });
const AppSchema = z.object({ slug: TextSchema, name: TextSchema }).nullish();

export const SubjectSchema = z.object({
  id: z.int().min(0),
  status: z.string(),
  conclusion: TextSchema,
  name: TextSchema,
  head_sha: CommitSchema,
});

const EnvelopeSchema = z.object({
  action: TextSchema,
  repository: RepositorySchema,
  sender: UserSchema,
});

export const WorkflowRunPayloadSchema = EnvelopeSchema.extend({
  workflow: z.object({ name: TextSchema }).nullish(),
  workflow_run: SubjectSchema.extend({
    run_attempt: AttemptSchema.nullish(),
    display_title: TextSchema,
    triggering_actor: UserSchema,
    actor: UserSchema,
    pull_requests: PullRequestsSchema,
    created_at: TimeSchema,
    run_started_at: TimeSchema,
    updated_at: TimeSchema,
  }),
});

export const WorkflowJobPayloadSchema = EnvelopeSchema.extend({
  workflow_job: SubjectSchema.extend({
    run_attempt: AttemptSchema.nullish(),
    workflow_name: TextSchema,
    steps: z.array(z.object({ name: TextSchema, conclusion: TextSchema }).nullable()).nullish(),
    created_at: TimeSchema,
    started_at: TimeSchema,
    completed_at: TimeSchema,
  }),
});

export const CheckRunPayloadSchema = EnvelopeSchema.extend({
  check_run: SubjectSchema.extend({
    app: AppSchema,
    output: z.object({ title: TextSchema }).nullish(),
    pull_requests: PullRequestsSchema,
    started_at: TimeSchema,
    completed_at: TimeSchema,
  }),
});

export const CheckSuitePayloadSchema = EnvelopeSchema.extend({
  check_suite: SubjectSchema.extend({
    // Of a suite in which nothing has been created yet.
    status: TextSchema,
    app: AppSchema,
    pull_requests: PullRequestsSchema,
    created_at: TimeSchema,
    updated_at: TimeSchema,
  }),
});

export const DeploymentStatusPayloadSchema = EnvelopeSchema.extend({
  workflow: z.object({ name: TextSchema }).nullish(),
  deployment: z.object({
    id: z.int().min(0),
    sha: CommitSchema,
    task: TextSchema,
    environment: TextSchema,
    creator: UserSchema,
  }),
  deployment_status: z.object({
    state: z.string(),
    description: TextSchema,
    created_at: TimeSchema,
    updated_at: TimeSchema,
  }),
});

/** The same at GitHub, Gitea and Forgejo. */
export const PullRequestPayloadSchema = z.object({
  repository: RepositorySchema,
  pull_request: z.object({
    html_url: z.string().transform((text, context) => {
      const url = webAddress(text);
      if (url !== undefined) return url;
      context.addIssue('must be an http or https URL of at most 500 characters');
      return z.NEVER;
    }),
    created_at: TaskEventSchema.shape.occurredAt,
    head: z.object({ sha: z.string().regex(COMMIT, 'must be a commit: 40 or 64 hex digits') }),
  }),
});

export type Repository = z.output<typeof RepositorySchema>;
export type User = z.output<typeof UserSchema>;
export type PullRequests = z.output<typeof PullRequestsSchema>;
export type WorkflowRunPayload = z.output<typeof WorkflowRunPayloadSchema>;
export type WorkflowJobPayload = z.output<typeof WorkflowJobPayloadSchema>;
export type CheckRunPayload = z.output<typeof CheckRunPayloadSchema>;
export type CheckSuitePayload = z.output<typeof CheckSuitePayloadSchema>;
export type DeploymentStatusPayload = z.output<typeof DeploymentStatusPayloadSchema>;
