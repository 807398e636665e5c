import { decodeEntry, type StreamId, type TaskEvent } from '@tasktrail/contract';
import type { Dump } from './keyspace.ts';

/** A task, as loosely as it can be kept. */
interface NaiveTask {
  item: Record<string, unknown> & NaiveItem;
  eventIds: string[];
}

interface NaiveItem {
  executionId: string;
  project: string;
  status: string;
  occurredAt: string;
  startedAt: string | null;
  finishedAt: string | null;
  attempt: number;
  actor: { provider: string; id: string } | null;
  visibility: { responsibleUsers: string[] };
}

const ENDED = ['success', 'error', 'cancelled'];

/**
 * What Redis must hold after a stream of events: written a second time, from PROTOCOL.md and
 * without a look at the projector, one event at a time and everything in memory.
 */
export class NaiveProjector {
  readonly #entries: [StreamId, readonly string[]][] = [];
  readonly #tasks = new Map<string, NaiveTask>();
  readonly #feed: [StreamId, unknown][] = [];
  readonly #quarantine: unknown[] = [];

  apply(id: StreamId, pairs: readonly string[]): void {
    this.#entries.push([id, pairs]);
    const decoded = decodeEntry(id, pairs);
    if (decoded.kind === 'invalid') {
      this.#keep(id, pairs, decoded.problem.reason, decoded.problem.field);
      return;
    }
    const { event } = decoded;
    const task = this.#tasks.get(event.executionId);
    if (task === undefined) this.#begin(id, pairs, event);
    else this.#continue(id, pairs, event, task);
  }

  /** As `comparable` gives what is there. */
  expected(): Dump {
    const dump: Record<string, unknown> = {};
    for (const task of this.#tasks.values()) this.#addTask(dump, task);
    if (this.#entries.length === 0) return dump;
    dump['task-events:v1'] = this.#entries;
    if (this.#feed.length > 0) dump['task-updates:v1'] = this.#feed;
    if (this.#quarantine.length > 0) dump['task-events:v1:quarantine'] = this.#quarantine;
    dump['task-tracking:projector'] = {
      checkpoint: this.#entries.at(-1)?.[0],
      entriesRead: String(this.#entries.length),
      layout: '1',
      program: '1.2.3',
      ...(this.#feed.length > 0 && {
        lastChange: this.#feed.at(-1)?.[0],
        changesWritten: String(this.#feed.length),
      }),
    };
    return dump;
  }

  #begin(id: StreamId, pairs: readonly string[], event: TaskEvent): void {
    const missing = (['project', 'status'] as const).find((field) => event[field] === undefined);
    if (missing !== undefined) {
      this.#keep(id, pairs, 'missing_field', missing);
      return;
    }
    const task: NaiveTask = {
      item: {
        executionId: event.executionId,
        taskName: event.executionId,
        status: '',
        project: event.project ?? '',
        occurredAt: event.occurredAt,
        flow: null,
        actor: null,
        prLinks: [],
        visibility: { responsibleUsers: [] },
        lastEventId: id,
        createdAt: event.occurredAt,
        startedAt: null,
        finishedAt: null,
        attempt: event.attempt ?? 1,
        message: null,
      },
      eventIds: [],
    };
    this.#tasks.set(event.executionId, task);
    this.#write(id, event, task, null);
  }

  #continue(id: StreamId, pairs: readonly string[], event: TaskEvent, task: NaiveTask): void {
    const { item } = task;
    if (event.project !== undefined && event.project !== item.project) {
      this.#keep(id, pairs, 'project_changed', 'project');
      return;
    }
    if (event.eventId !== undefined && task.eventIds.slice(-8).includes(event.eventId)) return;
    const attempt = event.attempt ?? item.attempt;
    if (attempt < item.attempt) return;
    if (attempt > item.attempt && event.status === undefined) {
      this.#keep(id, pairs, 'status_required', 'status');
      return;
    }
    const previous = { status: item.status, audience: audience(item).sort() };
    if (attempt > item.attempt) {
      Object.assign(item, { attempt, message: null, startedAt: null, finishedAt: null });
    } else if (event.status !== undefined && item.finishedAt !== null) {
      const ageMs = Date.parse(item.finishedAt) - Date.parse(event.occurredAt);
      if (ENDED.includes(event.status) ? ageMs > 0 : ageMs >= 0) return;
    }
    this.#write(id, event, task, previous);
  }

  #write(id: StreamId, event: TaskEvent, { item, eventIds }: NaiveTask, previous: unknown): void {
    const whenCleared = {
      taskName: event.executionId,
      flow: null,
      actor: null,
      prLinks: [],
      visibility: { responsibleUsers: [] },
      message: null,
    };
    for (const [field, cleared] of Object.entries(whenCleared)) {
      const value = event[field as keyof typeof whenCleared];
      if (value !== undefined) Object.assign(item, { [field]: value ?? cleared });
    }
    if (event.status !== undefined) {
      item.status = event.status;
      if (event.status === 'in_progress' && item.startedAt === null) {
        item.startedAt = event.occurredAt;
      }
      item.finishedAt = ENDED.includes(event.status) ? event.occurredAt : null;
    }
    if (Date.parse(event.occurredAt) > Date.parse(item.occurredAt)) {
      item.occurredAt = event.occurredAt;
    }
    item.lastEventId = id;
    if (event.eventId !== undefined) eventIds.push(event.eventId);
    this.#feed.push([id, structuredClone({ item, previous })]);
  }

  #keep(id: StreamId, pairs: readonly string[], reason: string, field: string): void {
    this.#quarantine.push([...pairs, 'reason', reason, 'field', field, 'sourceId', id]);
  }

  #addTask(dump: Record<string, unknown>, { item, eventIds }: NaiveTask): void {
    const row: Record<string, unknown> = { ...item, attempt: String(item.attempt) };
    row.recentEventIds = eventIds.slice(-8);
    const isEmpty = (value: unknown) => value === null || JSON.stringify(value) === '[]';
    if (item.visibility.responsibleUsers.length === 0) row.visibility = null;
    dump[`task-tracking:execution:${item.executionId}`] = Object.fromEntries(
      Object.entries(row).filter(([, value]) => !isEmpty(value)),
    );
    const sets = [
      'task-tracking:executions',
      `task-tracking:status:${item.status}:executions`,
      `task-tracking:project:${item.project}:executions`,
      `task-tracking:project-status:${item.project}:${item.status}:executions`,
      ...audience(item).map((principal) => `task-tracking:principal:${principal}:executions`),
    ];
    for (const key of sets) {
      const members = { [item.executionId]: Date.parse(item.occurredAt) };
      dump[key] = { ...(dump[key] as object | undefined), ...members };
    }
  }
}

function audience({ actor, visibility }: NaiveItem): string[] {
  const all = [...visibility.responsibleUsers];
  if (actor !== null) all.push(`${actor.provider}:${actor.id}`);
  return [...new Set(all.map((one) => (/^google:/.test(one) ? one.toLowerCase() : one)))];
}

/**
 * What Redis holds, as the model says it: JSON parsed, the quarantine without its own ids and
 * details, and without the keys named.
 */
export function comparable(dump: Dump, without: readonly string[] = []): Dump {
  const entries = Object.entries(dump).filter(([key]) => !without.includes(key));
  return Object.fromEntries(entries.map(([key, value]) => [key, comparableValue(key, value)]));
}

function comparableValue(key: string, value: unknown): unknown {
  if (key.startsWith('task-tracking:execution:')) return parseNested(value as object);
  const entries = value as [string, string[]][];
  if (key === 'task-updates:v1') return entries.map(([id, pairs]) => [id, changeOf(pairs)]);
  if (key === 'task-events:v1:quarantine') return entries.map(([, pairs]) => withoutDetail(pairs));
  return value;
}

function parseNested(row: object): object {
  return Object.fromEntries(
    Object.entries(row).map(([field, text]: [string, string]) => [
      field,
      /^[[{]/.test(text) ? JSON.parse(text) : text,
    ]),
  );
}

function changeOf([...pairs]: readonly string[]): unknown {
  const { item = '', previous } = Object.fromEntries(
    pairs.flatMap((name, i) => (i % 2 === 0 ? [[name, pairs[i + 1]]] : [])),
  ) as Record<string, string | undefined>;
  const before = previous === undefined ? null : JSON.parse(previous);
  before?.audience.sort();
  return { item: JSON.parse(item), previous: before };
}

/** The four fields come last: reason, field, detail, sourceId. */
function withoutDetail(pairs: readonly string[]): string[] {
  return [...pairs.slice(0, -4), ...pairs.slice(-2)];
}
