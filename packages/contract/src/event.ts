import { z } from 'zod';
import { TaskStatusSchema } from './status.ts';
import {
  ActorSchema,
  AttemptSchema,
  EventIdSchema,
  ExecutionIdSchema,
  FlowSchema,
  PrLinksSchema,
  ProjectSchema,
  TaskNameSchema,
  VisibilitySchema,
} from './task-fields.ts';
import { linesOfText } from './text.ts';
import { AnyTimeSchema } from './time.ts';

const emptyToNull = <T>(value: T): T | null => (value === '' ? null : value);

/**
 * One fact about an execution, as a bot states it. (PROTOCOL.md, "The event")
 *
 * An absent field leaves the task's value as it is; null or an empty text clears an optional one.
 * `project` and `status` are required on the first event of an execution; whether this is the
 * first is known only where events are applied, so it is judged there.
 */
export const TaskEventSchema = z
  .object({
    executionId: ExecutionIdSchema,
    occurredAt: AnyTimeSchema,
    project: ProjectSchema.optional(),
    status: TaskStatusSchema.optional(),
    taskName: TaskNameSchema.nullable().transform(emptyToNull).optional(),
    flow: FlowSchema.nullable().transform(emptyToNull).optional(),
    actor: ActorSchema.nullable().optional(),
    prLinks: PrLinksSchema.optional(),
    visibility: VisibilitySchema.nullable().optional(),
    message: linesOfText(2000).nullable().transform(emptyToNull).optional(),
    attempt: AttemptSchema.optional(),
    eventId: EventIdSchema.optional().meta({ description: "The producer's idempotency key" }),
  })
  .meta({ id: 'TaskEvent', description: 'One fact about an execution' });

/** A valid event: times are UTC with milliseconds, principals normalized, cleared texts null. */
export type TaskEvent = z.output<typeof TaskEventSchema>;

/** What a bot may pass where an event is taken. */
export type TaskEventInput = z.input<typeof TaskEventSchema>;

export type TaskEventField = keyof TaskEvent;
