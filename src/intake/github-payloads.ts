import { ProjectSchema, TaskEventSchema } from '@tasktrail/contract';
import { z } from 'zod';

/**
 * What the mapping reads of GitHub's webhook payloads, and nothing else: a payload has hundreds of
 * fields, and one that is not read may change its form. What an event cannot do without is
 * required; the rest may be missing or null, as it is on older servers and in older deliveries.
 */

const TextSchema = z.string().nullish();
const TimeSchema = TaskEventSchema.shape.occurredAt.nullish();
const { attempt: AttemptSchema } = TaskEventSchema.shape;

/** The login becomes a principal, which decides who sees the task: it is never made to fit. */
const UserSchema = z
  .object({
    login: z
      .string()
      .max(300, 'must be at most 300 characters long')
      .regex(/^[^\s\p{Cc}]+$/u, 'must be a login name'),
    name: TextSchema,
  })
  .nullish();

const PullRequestsSchema = z
  .array(z.object({ url: TextSchema, number: z.int().min(1).nullish() }).nullable())
  .nullish();

const SubjectSchema = z.object({
  id: z.int().min(0),
  status: z.string(),
  conclusion: TextSchema,
  name: TextSchema,
});

const EnvelopeSchema = z.object({
  action: TextSchema,
  repository: z.object({ full_name: ProjectSchema, html_url: TextSchema }),
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
    output: z.object({ title: TextSchema }).nullish(),
    pull_requests: PullRequestsSchema,
    started_at: TimeSchema,
    completed_at: TimeSchema,
  }),
});

export type Repository = z.output<typeof EnvelopeSchema>['repository'];
export type User = z.output<typeof UserSchema>;
export type PullRequests = z.output<typeof PullRequestsSchema>;
export type WorkflowRunPayload = z.output<typeof WorkflowRunPayloadSchema>;
export type WorkflowJobPayload = z.output<typeof WorkflowJobPayloadSchema>;
export type CheckRunPayload = z.output<typeof CheckRunPayloadSchema>;
