import { ProjectSchema, TASK_STATUSES, TaskStatusSchema } from '@tasktrail/contract';
import { z } from 'zod';
import type { PageLimits } from './http.ts';
import { Refusal } from './refusal.ts';

/** The parameters of queries: what checks them is also what the OpenAPI document shows. */

const project = ProjectSchema.optional();

const statuses = z
  .array(TaskStatusSchema)
  .default([])
  .transform((list) => [...new Set(list)])
  .meta({
    description: 'Comma-separated, repeated or both. Without it: every status.',
    example: ['queued', 'in_progress'],
    param: { style: 'form', explode: false },
  });

export function taskPageQuery({ defaultLimit, maxLimit }: PageLimits) {
  return z.object({
    project,
    statuses,
    cursor: z.string().optional().meta({
      description: 'The nextCursor of the page before, with the same filters.',
    }),
    limit: z
      .string()
      .regex(/^0*[1-9]\d*$/, 'must be a whole number of at least 1')
      // Also a number of a hundred digits, which becomes Infinity on the way.
      .transform((digits) => Math.min(Number(digits), maxLimit))
      .default(defaultLimit)
      .meta({
        description: `Tasks on the page; more than ${maxLimit} counts as ${maxLimit}.`,
        override({ jsonSchema }) {
          delete jsonSchema.pattern;
          Object.assign(jsonSchema, { type: 'integer', minimum: 1, default: defaultLimit });
        },
      }),
  });
}

export const streamQuery = z.object({
  project,
  statuses,
  cursor: z
    .string()
    .optional()
    .meta({
      description:
        'The position to go on from: a streamCursor, or the id of a frame. The Last-Event-ID ' +
        'header counts more. Without both the stream starts now.',
    }),
});

export const noQuery = z.object({});

/**
 * Reads the parameters that a schema names; others are ignored. An empty value counts as absent,
 * because that is how pages spell a filter that is not set.
 *
 * @throws Refusal `invalid_query`, naming the parameter and what is expected
 */
export function readQuery<S extends z.ZodObject>(
  parameters: URLSearchParams,
  schema: S,
): z.output<S> {
  const texts: Record<string, string | string[]> = {};
  for (const name of Object.keys(schema.shape)) {
    const values = parameters.getAll(name).filter((value) => value !== '');
    if (schema.shape[name] === statuses) {
      const parts = values.flatMap((value) => value.split(',')).map((part) => part.trim());
      texts[name] = parts.filter((part) => part !== '');
      continue;
    }
    const [value, second] = values;
    if (second !== undefined) throw new Refusal('invalid_query', `${name}: must be given once`);
    if (value !== undefined) texts[name] = value;
  }
  const parsed = schema.safeParse(texts);
  if (parsed.success) return parsed.data;
  throw new Refusal('invalid_query', describeIssue(parsed.error.issues[0], texts));
}

function describeIssue(
  issue: z.core.$ZodIssue | undefined,
  texts: Record<string, string | string[]>,
): string {
  const [name = '', index] = issue?.path ?? [];
  if (typeof index !== 'number') return `${String(name)}: ${issue?.message ?? 'is invalid'}`;
  const part = JSON.stringify(String(texts[String(name)]?.[index]).slice(0, MAX_ECHO));
  return `${String(name)}: ${part} is none of ${TASK_STATUSES.join(', ')}`;
}

/** Characters of a wrong value that an answer repeats. */
const MAX_ECHO = 40;
