import { z } from 'zod';

export const TASK_STATUSES = ['queued', 'in_progress', 'success', 'error', 'cancelled'] as const;

export const TaskStatusSchema = z.enum(TASK_STATUSES).meta({
  id: 'TaskStatus',
  description: 'success, error and cancelled are terminal.',
});

export type TaskStatus = z.infer<typeof TaskStatusSchema>;

/** A terminal status ends an attempt. */
export function isTerminal(status: TaskStatus): boolean {
  return status === 'success' || status === 'error' || status === 'cancelled';
}
