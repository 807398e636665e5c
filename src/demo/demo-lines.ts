import type { TaskItem, TaskStatus } from '@tasktrail/contract';
import type { ExpectedTasks } from './expected-tasks.ts';

/** What the demo prints. */

export interface Greeting {
  /** How this program is called. */
  readonly program: string;
  readonly url: string;
  readonly adminUrl: string | undefined;
  readonly redisUrl: string;
  readonly token: string;
  /** Files that hold an Authorization header, so that the lines to paste stay short. */
  readonly viewerHeader: string;
  readonly producerHeader: string;
}

export function greeting(greeted: Greeting): string[] {
  const { program, url, adminUrl, redisUrl, token, viewerHeader, producerHeader } = greeted;
  return [
    '',
    `Dashboard API  ${url}   (OpenAPI: ${url}/openapi.json)`,
    `Metrics        ${adminUrl}/metrics`,
    `Redis          ${redisUrl}`,
    '',
    'A token that a dashboard could have got from Google, good for an hour:',
    token,
    '',
    'Try, while this runs:',
    `  curl -s -H @${viewerHeader} '${url}/dashboard/tasks?limit=3'`,
    `  curl -sN -H @${viewerHeader} '${url}/dashboard/tasks/stream'`,
    `  curl -s -H @${producerHeader} -H 'Content-Type: application/json' '${url}/events' -d '{"executionId":"mine-2","occurredAt":"'"$(date -u +%FT%TZ)"'","project":"me/mine","status":"in_progress"}'`,
    `  TASK_TRACKING_REDIS_URL=${redisUrl} ${program} emit --execution-id mine-1 --project me/mine --status queued`,
    '',
  ];
}

/** One change as a line: when, from what to what, which task of which project. */
export function changeLine(task: TaskItem, previousStatus: TaskStatus | null): string {
  const time = task.occurredAt.slice(11, 19);
  const from = previousStatus === null ? 'new' : previousStatus;
  const step = from === task.status ? task.status : `${from} → ${task.status}`;
  const attempt = task.attempt === 1 ? '' : ` (attempt ${task.attempt})`;
  const message = task.message === null ? '' : `  ${task.message}`;
  return `${time}  ${step.padEnd(24)} ${task.project}  ${task.taskName}${attempt}${message}`;
}

export function summary(expected: ExpectedTasks, changes: number, refreshes: number): string[] {
  const quarantined = expected.quarantined === 0 ? '' : `, ${expected.quarantined} quarantined`;
  return [
    '',
    `${expected.events} events in${quarantined}; ${expected.tasks.size} tasks; ` +
      `${changes} changes seen over SSE, ${refreshes} snapshot refreshes.`,
  ];
}

export function verdict(differences: readonly string[]): string[] {
  if (differences.length === 0) {
    return ['What the client assembled from snapshot and stream equals the fold of the events.'];
  }
  return [
    `What the client assembled differs from the fold of the events in ${differences.length} tasks:`,
    ...differences.slice(0, 20).map((difference) => `  ${difference}`),
  ];
}
