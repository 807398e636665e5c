import { z } from 'zod';
import { PrincipalSchema } from './principal.ts';
import { TaskStatusSchema } from './status.ts';
import { TaskItemSchema } from './task-item.ts';

/**
 * What one applied event did: an entry of the change feed, `task-updates:v1`, whose id is the id
 * of the event that caused it. (PROTOCOL.md, "The change")
 *
 * It carries what a task was before, so that a viewer who loses it can be told.
 */
export const TaskChangeSchema = z
  .object({
    item: TaskItemSchema.meta({ description: 'The task after the event' }),
    previous: z
      .object({ status: TaskStatusSchema, audience: z.array(PrincipalSchema) })
      .nullable()
      .meta({ description: 'Status and audience before the event; null for a new task' }),
  })
  .meta({ id: 'TaskChange' });

export type TaskChange = z.output<typeof TaskChangeSchema>;
