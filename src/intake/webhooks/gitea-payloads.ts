import { ProjectSchema, TaskEventSchema } from '@tasktrail/contract';
import { z } from 'zod';
import { LoginSchema, PullRequestsSchema, SubjectSchema, TextSchema } from './github-payloads.ts';

/**
 * What the mapping reads of the webhook payloads of Gitea: `workflow_job` as from 1.24 on,
 * `workflow_run` as from 1.25 on, `status` as from 1.23 on (`modules/structs/hook.go` and
 * `repo_actions.go` there). Their names are GitHub's, with differences that matter here:
 *
 * - What has not happened yet has the time 0, in 1970, or Go's zero time in the year 1, not null.
 * - A run has `started_at` and `completed_at` only; later versions add `created_at` and `updated_at`.
 *   One that waits has no time at all then, and its repository's stands in, which a push moves.
 * - `run_attempt` is 0 where it is not counted: always for a run before attempts had records, and for
 *   a job until a runner takes it.
 * - A skipped job of 1.24 is completed without a conclusion.
 * - Every step has the conclusion of its job, not its own.
 *
 * Forgejo has none of these three; its `pull_request` is as GitHub's.
 */

/** Before this there was no forge, so it is a time that was never set. */
const FIRST_REAL_TIME = '1971';

const TimeSchema = TaskEventSchema.shape.occurredAt
  .nullish()
  .transform((time) => (time && time >= FIRST_REAL_TIME ? time : undefined));

const AttemptSchema = z
  .int()
  .min(0)
  .nullish()
  .transform((attempt) => attempt || undefined);

const UserSchema = z.object({ login: LoginSchema, full_name: TextSchema }).nullish();

const RepositorySchema = z.object({
  full_name: ProjectSchema,
  html_url: TextSchema,
  updated_at: TimeSchema,
});

const EnvelopeSchema = z.object({ repository: RepositorySchema, sender: UserSchema });

export const GiteaRunPayloadSchema = EnvelopeSchema.extend({
  workflow: z.object({ name: TextSchema }).nullish(),
  pull_request: z.object({ html_url: TextSchema }).nullish(),
  workflow_run: SubjectSchema.extend({
    run_attempt: AttemptSchema,
    display_title: TextSchema,
    /** `ci.yml@refs/heads/main` */
    path: TextSchema,
    trigger_actor: UserSchema,
    actor: UserSchema,
    pull_requests: PullRequestsSchema,
    created_at: TimeSchema,
    updated_at: TimeSchema,
    started_at: TimeSchema,
    completed_at: TimeSchema,
  }),
});

export const GiteaJobPayloadSchema = EnvelopeSchema.extend({
  workflow_job: SubjectSchema.extend({
    run_attempt: AttemptSchema,
    steps: z.array(z.object({ name: TextSchema, conclusion: TextSchema }).nullable()).nullish(),
    created_at: TimeSchema,
    started_at: TimeSchema,
    completed_at: TimeSchema,
  }),
});

export const GiteaStatusPayloadSchema = EnvelopeSchema.extend({
  sha: z.string().min(1, 'must name a commit'),
  context: z.string(),
  state: z.string(),
  description: TextSchema,
  target_url: TextSchema,
  created_at: TimeSchema,
  updated_at: TimeSchema,
});

export type GiteaUser = z.output<typeof UserSchema>;
export type GiteaRunPayload = z.output<typeof GiteaRunPayloadSchema>;
export type GiteaJobPayload = z.output<typeof GiteaJobPayloadSchema>;
export type GiteaStatusPayload = z.output<typeof GiteaStatusPayloadSchema>;
