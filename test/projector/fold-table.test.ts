import { isTerminal, TASK_STATUSES, type TaskEvent, type TaskStatus } from '@tasktrail/contract';
import { describe, expect, test } from 'vitest';
import { foldEvent } from '../../src/projector/fold.ts';
import type { Task } from '../../src/redis/task-row.ts';
import { anEvent, ENTRY_ID, idOf } from '../fixtures/events.ts';

/**
 * Every meeting of a status with a task. The times of an event are older than, the same as or newer
 * than the task's latest, which is its end if it has ended; a dot means any. The last two columns
 * say where the times of an applied event's task come from: from the task, the event, or nowhere.
 *
 * `ended` stands for success, error and cancelled, `none` for an event without status.
 */
const TABLE = `
  attempt | task        | event       | time       | outcome | startedAt | finishedAt
  --------|-------------|-------------|------------|---------|-----------|-----------
  lower   | .           | .           | .          | stale   |           |

  same    | .           | none        | .          | applied | task      | task
  same    | queued      | queued      | .          | applied | nowhere   | nowhere
  same    | queued      | in_progress | .          | applied | event     | nowhere
  same    | queued      | ended       | .          | applied | nowhere   | event
  same    | in_progress | queued      | .          | applied | task      | nowhere
  same    | in_progress | in_progress | .          | applied | task      | nowhere
  same    | in_progress | ended       | .          | applied | task      | event
  same    | ended       | queued      | older,same | stale   |           |
  same    | ended       | queued      | newer      | applied | task      | nowhere
  same    | ended       | in_progress | older,same | stale   |           |
  same    | ended       | in_progress | newer      | applied | task      | nowhere
  same    | ended       | ended       | older      | stale   |           |
  same    | ended       | ended       | same,newer | applied | task      | event

  higher  | .           | none        | .          | invalid |           |
  higher  | .           | queued      | .          | applied | nowhere   | nowhere
  higher  | .           | in_progress | .          | applied | event     | nowhere
  higher  | .           | ended       | .          | applied | nowhere   | event
`;

type Source = 'task' | 'event' | 'nowhere';

interface Row {
  readonly attempt: 'lower' | 'same' | 'higher';
  readonly task: string;
  readonly event: string;
  readonly time: string;
  readonly outcome: string;
  readonly startedAt: Source;
  readonly finishedAt: Source;
}

/** What a row says of one status of the task, one of the event, and one time. */
interface Case {
  readonly taskStatus: TaskStatus;
  readonly eventStatus: TaskStatus | undefined;
  readonly time: keyof typeof TIMES;
}

const ATTEMPTS = { lower: 1, same: 2, higher: 3 };
const STARTED_AT = '2026-11-20T12:00:00.000Z';
const TIMES = {
  older: '2026-11-20T12:00:01.000Z',
  same: '2026-11-20T12:00:02.000Z',
  newer: '2026-11-20T12:00:03.000Z',
};

const ROWS: readonly Row[] = TABLE.trim()
  .split('\n')
  .slice(2)
  .filter((line) => line.trim() !== '')
  .map((line) => {
    const [attempt, task, event, time, outcome, startedAt, finishedAt] = line
      .split('|')
      .map((cell) => cell.trim());
    return { attempt, task, event, time, outcome, startedAt, finishedAt } as Row;
  });

test('the table has every case once', () => {
  const names = ROWS.flatMap((row) =>
    casesOf(row).map((each) => JSON.stringify([row.attempt, ...Object.values(each)])),
  );
  const statuses = TASK_STATUSES.length;
  expect(names).toHaveLength(3 * statuses * (statuses + 1) * 3);
  expect(new Set(names).size).toBe(names.length);
});

describe.for(ROWS)('$attempt attempt, $task task, $event event, $time time: $outcome', (row) => {
  test.for(casesOf(row))('$taskStatus, $eventStatus, $time', (each) => {
    const task = taskThatIs(each.taskStatus);
    const event: TaskEvent = {
      executionId: task.executionId,
      occurredAt: TIMES[each.time],
      attempt: ATTEMPTS[row.attempt],
      ...(each.eventStatus === undefined ? {} : { status: each.eventStatus }),
    };
    const outcome = foldEvent(task, ENTRY_ID, event);
    expect(outcome.kind).toBe(row.outcome);
    if (outcome.kind !== 'applied') return;
    expect(outcome.task).toEqual({
      ...task,
      status: each.eventStatus ?? each.taskStatus,
      attempt: ATTEMPTS[row.attempt],
      occurredAt: each.time === 'newer' ? TIMES.newer : TIMES.same,
      lastEventId: ENTRY_ID,
      startedAt: { task: task.startedAt, event: event.occurredAt, nowhere: null }[row.startedAt],
      finishedAt: { task: task.finishedAt, event: event.occurredAt, nowhere: null }[row.finishedAt],
      message: row.attempt === 'higher' ? null : task.message,
    });
  });
});

function casesOf(row: Row): Case[] {
  const times = row.time === '.' ? Object.keys(TIMES) : row.time.split(',');
  return statusesOf(row.task).flatMap((taskStatus) =>
    [...statusesOf(row.event), ...(/none|[.]/.test(row.event) ? [undefined] : [])].flatMap(
      (eventStatus) =>
        times.map((time) => ({ taskStatus, eventStatus, time: time as keyof typeof TIMES })),
    ),
  );
}

function statusesOf(cell: string): TaskStatus[] {
  return TASK_STATUSES.filter(
    (status) => cell === '.' || cell === status || (cell === 'ended' && isTerminal(status)),
  );
}

/** Its attempt is the second; it was in progress unless it is queued. */
function taskThatIs(status: TaskStatus): Task {
  return {
    ...anEvent(),
    status,
    taskName: 'Build',
    project: 'owner/repo',
    occurredAt: TIMES.same,
    flow: null,
    actor: null,
    prLinks: [],
    visibility: { responsibleUsers: [] },
    lastEventId: idOf('1-1'),
    createdAt: STARTED_AT,
    startedAt: status === 'queued' ? null : STARTED_AT,
    finishedAt: isTerminal(status) ? TIMES.same : null,
    attempt: 2,
    message: 'compiling',
    recentEventIds: ['e1'],
  };
}
