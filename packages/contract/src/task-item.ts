import { z } from 'zod';
import { TaskStatusSchema } from './status.ts';
import { parseStreamId, type StreamId } from './stream-id.ts';
import {
  ActorSchema,
  AttemptSchema,
  ExecutionIdSchema,
  FlowSchema,
  PrLinksSchema,
  ProjectSchema,
  TaskNameSchema,
  VisibilitySchema,
} from './task-fields.ts';
import { linesOfText } from './text.ts';
import { UtcTimeSchema } from './time.ts';

export const StreamIdSchema = z
  .custom<StreamId>((value) => typeof value === 'string' && parseStreamId(value) !== undefined)
  .meta({ type: 'string', description: 'An id of task-events:v1', example: '1795211160000-0' });

/** The latest state of one execution, as pages and frames carry it. (PROTOCOL.md, "The item") */
export const TaskItemSchema = z
  .object({
    executionId: ExecutionIdSchema,
    taskName: TaskNameSchema.meta({ description: 'The executionId until a name is given' }),
    status: TaskStatusSchema,
    project: ProjectSchema,
    occurredAt: UtcTimeSchema.meta({ description: 'The latest time of its applied events' }),
    flow: FlowSchema.nullable().meta({ description: 'The workflow that the task belongs to' }),
    actor: ActorSchema.nullable(),
    prLinks: PrLinksSchema,
    visibility: VisibilitySchema,
    lastEventId: StreamIdSchema.meta({ description: 'The event that was applied last' }),
    createdAt: UtcTimeSchema.meta({ description: "The first event's time" }),
    startedAt: UtcTimeSchema.nullable().meta({
      description: 'When this attempt was first in progress',
    }),
    finishedAt: UtcTimeSchema.nullable().meta({ description: 'When this attempt ended' }),
    attempt: AttemptSchema,
    message: linesOfText(2000).nullable().meta({ description: 'For a person to read' }),
  })
  .meta({ id: 'TaskItem' });

export type TaskItem = z.output<typeof TaskItemSchema>;
