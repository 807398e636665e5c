import { z } from 'zod';
import { TaskStatusSchema } from './status.ts';
import { ExecutionIdSchema, ProjectSchema } from './task-fields.ts';
import { StreamIdSchema, TaskItemSchema } from './task-item.ts';
import { UtcTimeSchema } from './time.ts';

/** The data of every event of the SSE stream. (PROTOCOL.md, "The stream") */

export const TaskStatusUpdatedSchema = TaskItemSchema.extend({
  previousStatus: TaskStatusSchema.nullable().meta({
    description: 'Null when the task did not pass for this viewer before',
  }),
}).meta({ id: 'TaskStatusUpdated' });

const REMOVAL_REASONS = ['not_visible', 'filtered', 'deleted', 'archived'] as const;

export const TaskRemovedSchema = z
  .object({
    executionId: ExecutionIdSchema,
    project: ProjectSchema,
    reason: z.enum(REMOVAL_REASONS),
    lastEventId: StreamIdSchema,
  })
  .meta({ id: 'TaskRemoved' });

const REFRESH_REASONS = [
  'cursor_expired',
  'cursor_epoch',
  'cursor_invalid',
  'cursor_ahead',
  'slow_consumer',
  'resync',
] as const;

export const SnapshotRefreshRequiredSchema = z
  .object({ reason: z.enum(REFRESH_REASONS) })
  .meta({ id: 'SnapshotRefreshRequired' });

export const KeepaliveSchema = z.object({ at: UtcTimeSchema }).meta({ id: 'Keepalive' });

const RECONNECT_REASONS = [
  'token_expired',
  'max_lifetime',
  'draining',
  'capacity',
  'slow_consumer',
] as const;

export const ReconnectSchema = z
  .object({
    reason: z.enum(RECONNECT_REASONS),
    retryAfterMs: z.int().min(0).meta({ description: 'How long to wait before reconnecting' }),
  })
  .meta({ id: 'Reconnect' });

/** From the name of an SSE event to the schema of its data. */
export const FRAME_SCHEMAS = {
  task_status_updated: TaskStatusUpdatedSchema,
  task_removed: TaskRemovedSchema,
  snapshot_refresh_required: SnapshotRefreshRequiredSchema,
  keepalive: KeepaliveSchema,
  reconnect: ReconnectSchema,
} as const;

export type FrameName = keyof typeof FRAME_SCHEMAS;
export type FrameData = { readonly [N in FrameName]: z.output<(typeof FRAME_SCHEMAS)[N]> };
export type RefreshReason = (typeof REFRESH_REASONS)[number];
export type ReconnectReason = (typeof RECONNECT_REASONS)[number];
export type RemovalReason = (typeof REMOVAL_REASONS)[number];
