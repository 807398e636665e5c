import { EventResultsSchema, TaskEventSchema } from '@tasktrail/contract';
import { z } from 'zod';
import { type EVENT_MEDIA_TYPES, MAX_EVENTS } from '../../intake/intake.ts';
import { noQuery } from '../query.ts';
import { json, type Route } from '../routes.ts';
import type { WEBHOOK_MEDIA_TYPES } from './webhook-route.ts';

/** PROTOCOL.md, "Events over HTTP". */
const CloudEventSchema = z
  .looseObject({
    specversion: z.literal('1.0'),
    id: z.string(),
    source: z.string(),
    type: z.string().meta({
      description: 'Its last dotted part is the `status` where it is one',
      example: 'com.example.task.in_progress',
    }),
    subject: z.string().optional().meta({ description: 'The `executionId`' }),
    time: z.string().optional().meta({ description: 'The `occurredAt`' }),
    data: TaskEventSchema.partial().optional().meta({
      description: 'The event; attributes fill what it leaves out',
    }),
  })
  .meta({ id: 'CloudEvent', description: 'A CloudEvent 1.0 that tells of a task' });

const EVENT_BODIES = {
  'application/json': z.union([TaskEventSchema, z.array(TaskEventSchema).max(MAX_EVENTS)]),
  'application/x-ndjson': z.string().meta({ description: 'A TaskEvent on each line' }),
  'application/cloudevents+json': CloudEventSchema,
  'application/cloudevents-batch+json': z.array(CloudEventSchema).max(MAX_EVENTS),
} satisfies Record<(typeof EVENT_MEDIA_TYPES)[number], z.ZodType>;

const WEBHOOK_BODIES = {
  'application/json': z.looseObject({}).meta({ description: 'The payload as the forge sends it' }),
  'application/x-www-form-urlencoded': z.object({
    payload: z.string().meta({ description: 'The payload as JSON' }),
  }),
} satisfies Record<(typeof WEBHOOK_MEDIA_TYPES)[number], z.ZodType>;

const reasonHeader = z.string().meta({ description: 'Why nothing was appended' });

function webhookRoute<A extends 'github' | 'gitea'>(forge: A, title: string, headers: z.ZodObject) {
  return {
    method: 'post',
    path: `/webhooks/${forge}`,
    audience: 'producers',
    summary: `A webhook of ${title}`,
    description:
      'Runs, jobs, checks and deployments become events of tasks; pull requests become their ' +
      'links. A webhook that was delivered before appends nothing.',
    access: forge,
    query: noQuery,
    headers,
    body: WEBHOOK_BODIES,
    answers: {
      202: {
        ...json('What became of each event', EventResultsSchema),
        headers: z.object({ 'Tasktrail-Reason': reasonHeader.optional() }),
      },
      204: {
        description: 'A webhook of this type tells of no task',
        headers: z.object({ 'Tasktrail-Reason': reasonHeader }),
      },
    },
    refusals: ['invalid_body', 'body_too_large', 'unsupported_content', 'unavailable'],
  } as const satisfies Route;
}

const delivery = z.string().optional().meta({ description: 'Makes a redelivery append nothing' });

/** Where events come in over HTTP. */
export const intakeRoutes = {
  events: {
    method: 'post',
    path: '/events',
    audience: 'producers',
    summary: `Appends events: one, or up to ${MAX_EVENTS}`,
    description:
      'Each event has a result of its own, and one that is refused does not keep the others from ' +
      'being appended. To send the same again is safe where events have an `eventId`, or the ' +
      'request an `Idempotency-Key`.',
    access: 'producer',
    query: noQuery,
    headers: z.object({
      'Idempotency-Key': z
        .string()
        .min(1)
        .optional()
        .meta({
          description:
            'Names the request: a retry with the same key is answered with the ids of the first, ' +
            'for 24 h, and appends nothing.',
        }),
    }),
    body: EVENT_BODIES,
    answers: {
      202: {
        ...json('What became of each event', EventResultsSchema),
        headers: z.object({
          'Idempotent-Replayed': z.literal('true').optional().meta({
            description: 'An earlier request had appended them, and this one nothing',
          }),
        }),
      },
    },
    refusals: [
      'invalid_query',
      'invalid_body',
      'body_too_large',
      'unsupported_content',
      'idempotency_key_reused',
      'unavailable',
    ],
  },
  githubWebhook: webhookRoute(
    'github',
    'GitHub',
    z.object({
      'X-GitHub-Event': z.string().meta({ description: 'Its type', example: 'workflow_run' }),
      'X-GitHub-Delivery': delivery,
    }),
  ),
  giteaWebhook: webhookRoute(
    'gitea',
    'Gitea or Forgejo',
    z.object({
      'X-Gitea-Event': z.string().meta({ description: 'Its type', example: 'workflow_run' }),
      'X-Gitea-Delivery': delivery,
    }),
  ),
} satisfies Record<string, Route>;

/** Pages of no origin may use them. */
export const INTAKE_PATHS: ReadonlySet<string> = new Set(
  Object.values(intakeRoutes).map(({ path }) => path),
);
