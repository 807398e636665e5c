import type { z } from 'zod';
import type { MappedWebhook, WebhookDelivery } from '../intake.ts';
import {
  GiteaJobPayloadSchema,
  GiteaRunPayloadSchema,
  GiteaStatusPayloadSchema,
} from './gitea-payloads.ts';
import { giteaJob, giteaRun, giteaStatus } from './gitea-subject.ts';
import { mapPullRequest } from './github.ts';
import { eventOf, readPayload, type Subject } from './webhook-subject.ts';

/**
 * Maps a webhook of Gitea or Forgejo to what it tells: a task event, or a pull request and its head.
 * As with GitHub the state in the payload counts, not the action. Never throws.
 *
 * @param name the `X-Gitea-Event` header
 * @param payload the parsed JSON body
 */
export function mapGiteaWebhook(
  name: string,
  payload: unknown,
  delivery: WebhookDelivery = {},
): MappedWebhook {
  const map = <S extends z.ZodType>(schema: S, toSubject: (payload: z.output<S>) => Subject) =>
    readPayload(schema, payload, (read) => eventOf('gitea', name, toSubject(read), delivery));
  switch (name) {
    case 'workflow_run':
      return map(GiteaRunPayloadSchema, giteaRun);
    case 'workflow_job':
      return map(GiteaJobPayloadSchema, giteaJob);
    case 'status':
      return map(GiteaStatusPayloadSchema, giteaStatus);
    case 'pull_request':
      return mapPullRequest(payload);
    default:
      return { kind: 'unmapped', reason: 'webhooks of this type tell of no task' };
  }
}
