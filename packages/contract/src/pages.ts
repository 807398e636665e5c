import { z } from 'zod';
import { PositionSchema } from './position.ts';
import { ProjectSchema } from './task-fields.ts';
import { TaskItemSchema } from './task-item.ts';

/** The answers of the snapshot and of the list of projects. (PROTOCOL.md, "The snapshot") */

export const PageCursorSchema = z
  .string()
  .regex(/^p1\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/)
  .meta({
    id: 'PageCursor',
    description: 'Where the next page begins. Opaque to clients, and bound to the filters.',
  });

export const TaskPageSchema = z
  .object({
    items: z.array(TaskItemSchema).meta({ description: 'Newest first' }),
    nextCursor: PageCursorSchema.nullable().meta({ description: 'Null on the last page' }),
    streamCursor: PositionSchema.meta({
      description: 'Follow the stream from here after the last page; the same on every page',
    }),
  })
  .meta({ id: 'TaskPage' });

export type TaskPage = z.output<typeof TaskPageSchema>;

export const ProjectListItemSchema = z
  .object({
    project: z.string().min(1).meta({ description: 'A slug, not the project of an event' }),
    displayName: z.string().min(1),
    applications: z.array(
      z.object({
        app: z.string().min(1),
        repo: ProjectSchema.meta({ description: 'What events and items call `project`' }),
      }),
    ),
  })
  .meta({ id: 'ProjectListItem' });

export type ProjectListItem = z.output<typeof ProjectListItemSchema>;

export const ProjectListSchema = z
  .object({ items: z.array(ProjectListItemSchema) })
  .meta({ id: 'ProjectList' });
