import {
  type ErrorCode,
  ExecutionIdSchema,
  FRAME_SCHEMAS,
  ProjectListSchema,
  TaskItemSchema,
  TaskPageSchema,
} from '@tasktrail/contract';
import { z } from 'zod';
import type { PageLimits } from './http.ts';
import { noQuery, streamQuery, taskPageQuery } from './query.ts';
import { HealthSchema, ReadinessSchema } from './readiness.ts';

/** One route, for the router and for the OpenAPI document. */
export interface Route<Q extends z.ZodObject = z.ZodObject> {
  readonly method: 'get' | 'post';
  /** With parameters in braces, as OpenAPI spells it. */
  readonly path: string;
  readonly audience: Audience;
  readonly summary: string;
  readonly description: string;
  readonly access: Access;
  readonly query: Q;
  readonly pathParameters?: z.ZodObject;
  readonly headers?: z.ZodObject;
  /** Schemas by media type. */
  readonly body?: Readonly<Record<string, z.ZodType>>;
  readonly answers: Readonly<Record<number, Answer>>;
  /** Besides those that every route may have, or every route of this access. */
  readonly refusals: readonly ErrorCode[];
}

/** Whom a route is for, by which the document groups them. */
export type Audience = 'dashboards' | 'producers' | 'operators';

/** Who may use a route: what proves it is said in `security.ts`. */
export type Access = 'viewer' | 'producer' | 'github' | 'gitea' | 'everyone';

export interface Answer {
  readonly description: string;
  /** Absent: the answer has no body. */
  readonly content?: {
    readonly mediaType: string;
    readonly schema: z.ZodType;
    /** Of Server-Sent Events: the schema of their data by their name. */
    readonly events?: Readonly<Record<string, z.ZodType>>;
  };
  readonly headers?: z.ZodObject;
}

export function json(description: string, schema: z.ZodType): Answer {
  return { description, content: { mediaType: 'application/json', schema } };
}

/** All routes of dashboards and probes. */
export function dashboardRoutes(limits: PageLimits) {
  return {
    projects: {
      method: 'get',
      path: '/dashboard/projects',
      audience: 'dashboards',
      summary: 'The projects that a dashboard offers, with their applications',
      description:
        'They come from the configuration, not from the tasks. What tasks call `project` is the ' +
        '`repo` of an application.',
      access: 'viewer',
      query: noQuery,
      answers: { 200: json('The projects', ProjectListSchema) },
      refusals: ['unavailable'],
    },
    tasks: {
      method: 'get',
      path: '/dashboard/tasks',
      audience: 'dashboards',
      summary: 'A page of the latest state of all tasks, newest first',
      description:
        'Tasks that the viewer may not see are left out, and the page is full all the same, unless ' +
        'it is the last. Ask for the next one with `nextCursor`, then follow the stream from ' +
        '`streamCursor`.',
      access: 'viewer',
      query: taskPageQuery(limits),
      headers: z.object({
        'If-None-Match': z.string().optional().meta({
          description: 'The ETag of the same page, as it was answered before; a browser sends it.',
        }),
      }),
      answers: {
        200: {
          ...json('The page', TaskPageSchema),
          headers: z.object({
            ETag: z.string().optional().meta({
              description:
                'Names the page as it is now, for this query and what the viewer may see',
            }),
          }),
        },
        304: {
          description: 'The page is the one whose ETag was sent',
          headers: z.object({ ETag: z.string() }),
        },
      },
      refusals: ['invalid_query', 'invalid_cursor', 'unavailable'],
    },
    // Before the route of one task, which its path would match too.
    stream: {
      method: 'get',
      path: '/dashboard/tasks/stream',
      audience: 'dashboards',
      summary: 'The changes of tasks as they happen, as Server-Sent Events',
      description:
        'Whatever passes by itself is told in the stream, with an event and an end, because an ' +
        'EventSource gives up for good on any status but 200.',
      access: 'viewer',
      query: streamQuery,
      headers: z.object({
        'Last-Event-ID': z.string().optional().meta({
          description: 'The id of the last frame; a browser sends it when it reconnects.',
        }),
        Prefer: z
          .string()
          .optional()
          .meta({
            description:
              'A load balancer that has other servers to ask sends `failover`. What passes by itself ' +
              'is then 503 instead of a stream that ends.',
          }),
      }),
      answers: {
        200: {
          description:
            'Events without end. The name of an event says which schema its data has: ' +
            `${frameNames()}. Every event has an id, from which the stream can be resumed.`,
          content: { mediaType: 'text/event-stream', schema: z.string(), events: FRAME_SCHEMAS },
        },
      },
      refusals: ['invalid_query', 'too_many_streams', 'unavailable'],
    },
    task: {
      method: 'get',
      path: '/dashboard/tasks/{executionId}',
      audience: 'dashboards',
      summary: 'The latest state of one task',
      description: 'A task that the viewer may not see is answered as one that is not there.',
      access: 'viewer',
      query: noQuery,
      pathParameters: z.object({ executionId: ExecutionIdSchema }),
      answers: { 200: json('The task', TaskItemSchema) },
      refusals: ['invalid_query', 'task_not_found', 'unavailable'],
    },
    ...probeRoutes,
    openapi: {
      method: 'get',
      path: '/openapi.json',
      audience: 'operators',
      summary: 'This document',
      description: 'It has the routes that this process answers.',
      access: 'everyone',
      query: noQuery,
      answers: {
        200: json('An OpenAPI 3.1 document', z.looseObject({ openapi: z.string() })),
      },
      refusals: [],
    },
  } satisfies Record<string, Route>;
}

/** The routes that both applications have. */
export const probeRoutes = {
  healthz: {
    method: 'get',
    path: '/healthz',
    audience: 'operators',
    summary: 'Whether the process lives',
    description: 'It is restarted where it does not answer.',
    access: 'everyone',
    query: noQuery,
    answers: { 200: json('It does', HealthSchema) },
    refusals: [],
  },
  readyz: {
    method: 'get',
    path: '/readyz',
    audience: 'operators',
    summary: 'Whether the process does its work now, part by part',
    description: 'It is sent no new clients where it is not ready, and mends itself.',
    access: 'everyone',
    query: noQuery,
    answers: { 200: json('Ready', ReadinessSchema), 503: json('Not ready', ReadinessSchema) },
    refusals: [],
  },
} satisfies Record<string, Route>;

/** The path as the router spells it: `:name` for `{name}`. */
export function routerPath({ path }: Pick<Route, 'path'>): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}

function frameNames(): string {
  const names = Object.entries(FRAME_SCHEMAS).map(
    ([name, schema]) => `${name} (${schema.meta()?.id})`,
  );
  return names.join(', ');
}
