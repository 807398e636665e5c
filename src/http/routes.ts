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
  readonly method: 'get';
  /** With parameters in braces, as OpenAPI spells it. */
  readonly path: string;
  readonly summary: string;
  /** `viewer`: a valid token is needed. */
  readonly access: 'viewer' | 'everyone';
  readonly query: Q;
  readonly pathParameters?: z.ZodObject;
  readonly headers?: z.ZodObject;
  readonly answers: Readonly<Record<number, Answer>>;
  /** Besides those that every route may have, or every route for viewers. */
  readonly refusals: readonly ErrorCode[];
}

interface Answer {
  readonly description: string;
  readonly mediaType: string;
  readonly schema: z.ZodType;
}

function json(description: string, schema: z.ZodType): Answer {
  return { description, mediaType: 'application/json', schema };
}

/** All routes of the dashboard application. */
export function dashboardRoutes(limits: PageLimits) {
  return {
    projects: {
      method: 'get',
      path: '/dashboard/projects',
      summary: 'The projects that a dashboard offers, with their applications',
      access: 'viewer',
      query: noQuery,
      answers: { 200: json('The projects', ProjectListSchema) },
      refusals: ['unavailable'],
    },
    tasks: {
      method: 'get',
      path: '/dashboard/tasks',
      summary: 'A page of the latest state of all tasks, newest first',
      access: 'viewer',
      query: taskPageQuery(limits),
      answers: { 200: json('The page', TaskPageSchema) },
      refusals: ['invalid_query', 'invalid_cursor', 'unavailable'],
    },
    // Before the route of one task, which its path would match too.
    stream: {
      method: 'get',
      path: '/dashboard/tasks/stream',
      summary: 'The changes of tasks as they happen, as Server-Sent Events',
      access: 'viewer',
      query: streamQuery,
      headers: z.object({
        'Last-Event-ID': z.string().optional().meta({
          description: 'The id of the last frame; a browser sends it when it reconnects.',
        }),
      }),
      answers: {
        200: {
          description:
            'Events without end. The name of an event says which schema its data has: ' +
            `${frameNames()}. Every event has an id, from which the stream can be resumed.`,
          mediaType: 'text/event-stream',
          schema: z.string(),
        },
      },
      refusals: ['invalid_query', 'too_many_streams'],
    },
    task: {
      method: 'get',
      path: '/dashboard/tasks/{executionId}',
      summary: 'The latest state of one task',
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
      summary: 'This document',
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
    summary: 'Whether the process lives',
    access: 'everyone',
    query: noQuery,
    answers: { 200: json('It does', HealthSchema) },
    refusals: [],
  },
  readyz: {
    method: 'get',
    path: '/readyz',
    summary: 'Whether the process does its work now, part by part',
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
