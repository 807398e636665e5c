import type { TaskEventInput } from '@tasktrail/contract';

/**
 * Intake: what another system tells about its tasks becomes task events.
 *
 * `github.ts` maps a webhook of GitHub: `github-payloads.ts` is all that it reads of a payload,
 * `github-subject.ts` what runs, jobs and checks have in common, `github-status.ts` what their
 * states mean here, `execution-id.ts` how a task is named; `pull-request-links.ts` and `line.ts`
 * make addresses and text fit. The mapping is pure. Who receives a payload proves where it comes
 * from, and appends the event; neither is decided here.
 */

/** The webhooks of GitHub that tell of a task, by the name in their `X-GitHub-Event` header. */
export const GITHUB_TASK_WEBHOOKS = ['workflow_run', 'workflow_job', 'check_run'] as const;

export type GithubTaskWebhook = (typeof GITHUB_TASK_WEBHOOKS)[number];

export type MappedWebhook =
  /** A field that is undefined is absent from the event. */
  | { readonly kind: 'event'; readonly event: TaskEventInput }
  /** A fine webhook that tells of no task. Its sender did nothing wrong and sends the next one. */
  | { readonly kind: 'ignored'; readonly reason: string }
  /** Not of the documented form. `field` is a path into the payload; empty: the payload itself. */
  | { readonly kind: 'invalid'; readonly field: string; readonly reason: string };

export interface WebhookDelivery {
  /** The `X-GitHub-Delivery` header: a redelivery repeats it, so it makes the event idempotent. */
  readonly id?: string | undefined;
}
