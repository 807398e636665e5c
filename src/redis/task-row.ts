import {
  type Actor,
  parseStreamId,
  type StreamId,
  TASK_STATUSES,
  type TaskItem,
  type TaskStatus,
  type Visibility,
} from '@tasktrail/contract';

/**
 * A task as the hash `task-tracking:execution:<executionId>`: one hash field for each of its
 * fields, under the same name, nested ones as JSON. (PROTOCOL.md, "Keys")
 *
 * Absent means null, or empty where the item has no null: `prLinks`, `visibility` and
 * `recentEventIds`. Most tasks have none of these, and a row is as small as what it says.
 */
export interface Task extends TaskItem {
  /** Ids of the events applied last, newest last, at most 8: what makes a duplicate known. */
  readonly recentEventIds: readonly string[];
}

/** A stored row that is no task: the read model was written by something else, or damaged. */
export class CorruptRowError extends Error {
  override readonly name = 'CorruptRowError';
  readonly executionId: string | undefined;
  readonly field: keyof Task;

  constructor(executionId: string | undefined, field: keyof Task, expected: string) {
    const whose = executionId ?? 'an execution without id';
    super(
      `the stored row of ${whose} is corrupt: ${field} ${expected}. ` +
        'Nothing but the projector may write rows: run tasktrail repair --yes.',
    );
    this.executionId = executionId;
    this.field = field;
  }
}

/** The item that pages and frames carry: exactly the contract's fields, in its order. */
export function toItem(task: TaskItem): TaskItem {
  return {
    executionId: task.executionId,
    taskName: task.taskName,
    status: task.status,
    project: task.project,
    occurredAt: task.occurredAt,
    flow: task.flow,
    actor: task.actor,
    prLinks: task.prLinks,
    visibility: task.visibility,
    lastEventId: task.lastEventId,
    createdAt: task.createdAt,
    startedAt: task.startedAt,
    finishedAt: task.finishedAt,
    attempt: task.attempt,
    message: task.message,
  };
}

/**
 * The whole row as field, value, field, value …. It replaces the stored one: a field that is
 * absent here must not survive there.
 */
export function encodeTaskRow(task: Task): string[] {
  const row: string[] = [];
  for (const field of FIELDS) {
    const value = textOf(task, field);
    if (value !== null) row.push(field, value);
  }
  return row;
}

/**
 * The fields whose values are others than in the row before, as field, value …; undefined where the
 * whole row has to be written, because a field that it had is absent now.
 */
export function encodeRowChanges(before: Task, after: Task): string[] | undefined {
  const changes: string[] = [];
  for (const field of FIELDS) {
    if (before[field] === after[field]) continue;
    const was = textOf(before, field);
    const is = textOf(after, field);
    if (was === is) continue;
    if (is === null) return undefined;
    changes.push(field, is);
  }
  return changes;
}

/** In the order in which they are stored. */
const FIELDS = [
  'executionId',
  'taskName',
  'status',
  'project',
  'occurredAt',
  'flow',
  'actor',
  'prLinks',
  'visibility',
  'lastEventId',
  'createdAt',
  'startedAt',
  'finishedAt',
  'attempt',
  'message',
  'recentEventIds',
] as const satisfies readonly (keyof Task)[];

/** A field as it is stored; null for none. */
function textOf(task: Task, field: (typeof FIELDS)[number]): string | null {
  switch (field) {
    case 'actor':
      return task.actor === null ? null : JSON.stringify(task.actor);
    case 'visibility':
      return jsonUnlessEmpty(task.visibility.responsibleUsers, task.visibility);
    case 'prLinks':
    case 'recentEventIds':
      return jsonUnlessEmpty(task[field], task[field]);
    case 'attempt':
      return String(task.attempt);
    default:
      return task[field];
  }
}

function jsonUnlessEmpty(list: readonly unknown[], value: unknown): string | null {
  return list.length === 0 ? null : JSON.stringify(value);
}

/**
 * Reads a row; undefined when there is none. It checks what a reader relies on, not every rule of
 * the item: those were checked when the event came in.
 *
 * @param stored HGETALL's answer, as pairs or as a record; unknown fields are ignored
 * @throws CorruptRowError
 */
export function decodeTaskRow(
  stored: readonly string[] | Readonly<Record<string, string>>,
): Task | undefined {
  const row = isPairs(stored) ? toMap(stored) : new Map(Object.entries(stored));
  if (row.size === 0) return undefined;
  return {
    executionId: text(row, 'executionId'),
    taskName: text(row, 'taskName'),
    status: checked(row, 'status', text(row, 'status'), isStatus, 'must be a status'),
    project: text(row, 'project'),
    occurredAt: time(row, 'occurredAt'),
    flow: row.get('flow') ?? null,
    actor: json(row, 'actor', isActor, null),
    prLinks: json(row, 'prLinks', isTexts, []),
    visibility: json(row, 'visibility', isVisibility, { responsibleUsers: [] }),
    lastEventId: checked(row, 'lastEventId', text(row, 'lastEventId'), isStreamId, 'must be an id'),
    createdAt: time(row, 'createdAt'),
    startedAt: row.has('startedAt') ? time(row, 'startedAt') : null,
    finishedAt: row.has('finishedAt') ? time(row, 'finishedAt') : null,
    attempt: checked(row, 'attempt', Number(text(row, 'attempt')), isAttempt, 'must count from 1'),
    message: row.get('message') ?? null,
    recentEventIds: json(row, 'recentEventIds', isTexts, []),
  };
}

type Row = ReadonlyMap<string, string>;

function isPairs(
  stored: readonly string[] | Readonly<Record<string, string>>,
): stored is readonly string[] {
  return Array.isArray(stored);
}

function toMap(pairs: readonly string[]): Row {
  const row = new Map<string, string>();
  for (let i = 0; i + 1 < pairs.length; i += 2) row.set(pairs[i] as string, pairs[i + 1] as string);
  return row;
}

function text(row: Row, field: keyof Task): string {
  const value = row.get(field);
  if (value === undefined) throw corrupt(row, field, 'is missing');
  return value;
}

function time(row: Row, field: keyof Task): string {
  return checked(row, field, text(row, field), isTime, 'must be a UTC time with milliseconds');
}

function json<T, E>(
  row: Row,
  field: keyof Task,
  isValid: (value: unknown) => value is T,
  whenAbsent: E,
): T | E {
  const value = row.get(field);
  if (value === undefined) return whenAbsent;
  let parsed: unknown;
  try {
    parsed = JSON.parse(value);
  } catch {
    throw corrupt(row, field, 'must be JSON');
  }
  return checked(row, field, parsed, isValid, 'must be JSON of the shape that the item has');
}

function checked<V, T extends V>(
  row: Row,
  field: keyof Task,
  value: V,
  isValid: (value: V) => value is T,
  expected: string,
): T {
  if (!isValid(value)) throw corrupt(row, field, expected);
  return value;
}

function corrupt(row: Row, field: keyof Task, expected: string): CorruptRowError {
  return new CorruptRowError(row.get('executionId'), field, expected);
}

function isStatus(value: string): value is TaskStatus {
  return (TASK_STATUSES as readonly string[]).includes(value);
}

function isTime(value: string): value is string {
  return value.endsWith('Z') && !Number.isNaN(Date.parse(value));
}

function isStreamId(value: string): value is StreamId {
  return parseStreamId(value) !== undefined;
}

function isAttempt(value: number): value is number {
  return Number.isSafeInteger(value) && value >= 1;
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((part) => typeof part === 'string');
}

function isActor(value: unknown): value is Actor {
  if (typeof value !== 'object' || value === null) return false;
  const { provider, id } = value as Record<string, unknown>;
  return typeof provider === 'string' && typeof id === 'string';
}

function isVisibility(value: unknown): value is Visibility {
  if (typeof value !== 'object' || value === null) return false;
  return isTexts((value as Record<string, unknown>).responsibleUsers);
}
