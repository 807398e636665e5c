import { setTimeout as delay } from 'node:timers/promises';
import {
  FRAME_SCHEMAS,
  type TaskItem,
  type TaskPage,
  TaskPageSchema,
  TaskRemovedSchema,
  type TaskStatus,
  TaskStatusUpdatedSchema,
} from '@tasktrail/contract';
import { type EventSourceMessage, EventSourceParserStream } from 'eventsource-parser/stream';

/**
 * What a dashboard does: load the snapshot page by page, then follow the stream from it, and load
 * it again when the stream says so. Whatever it holds at any time is what a viewer would see.
 */
export class DashboardClient {
  readonly tasks = new Map<string, TaskItem>();
  readonly #url: string;
  readonly #headers: { readonly Authorization: string };
  readonly #onChange: (task: TaskItem, previousStatus: TaskStatus | null) => void;
  /** The id of the last frame. */
  position: string | undefined;
  changes = 0;
  refreshes = 0;

  /** @param url of the server, without a path */
  constructor(
    url: string,
    token: string,
    onChange: (task: TaskItem, previousStatus: TaskStatus | null) => void,
  ) {
    this.#url = url;
    this.#headers = { Authorization: `Bearer ${token}` };
    this.#onChange = onChange;
  }

  /** Follows until the signal aborts, over any cut of the connection. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        this.position ??= await this.#loadSnapshot(signal);
        await this.#follow(this.position, signal);
      } catch (error) {
        if (!signal.aborted) await delay(500, undefined, { signal }).catch(() => undefined);
        if (error instanceof ClientError) throw error;
      }
    }
  }

  /** Every page of one walk; the stream goes on from the position that it returns. */
  async #loadSnapshot(signal: AbortSignal): Promise<string> {
    this.tasks.clear();
    let cursor: string | null = null;
    let page: TaskPage;
    do {
      const query = cursor === null ? '' : `?cursor=${encodeURIComponent(cursor)}`;
      const response = await this.#fetch(`/dashboard/tasks${query}`, signal);
      page = TaskPageSchema.parse(await response.json());
      for (const task of page.items) this.tasks.set(task.executionId, task);
      cursor = page.nextCursor;
    } while (cursor !== null);
    return page.streamCursor;
  }

  async #follow(position: string, signal: AbortSignal): Promise<void> {
    const query = `?cursor=${encodeURIComponent(position)}`;
    const response = await this.#fetch(`/dashboard/tasks/stream${query}`, signal);
    const frames = response.body
      ?.pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream());
    for await (const frame of frames ?? []) {
      if (!this.#take(frame)) return;
    }
  }

  /** Whether the stream goes on from here. */
  #take({ event, data, id }: EventSourceMessage): boolean {
    switch (event) {
      case 'task_status_updated': {
        const { previousStatus, ...task } = TaskStatusUpdatedSchema.parse(JSON.parse(data));
        this.tasks.set(task.executionId, task);
        this.changes += 1;
        this.#onChange(task, previousStatus);
        break;
      }
      case 'task_removed':
        this.tasks.delete(TaskRemovedSchema.parse(JSON.parse(data)).executionId);
        this.changes += 1;
        break;
      case 'snapshot_refresh_required':
        this.refreshes += 1;
        this.position = undefined;
        return false;
      default:
        if (event === undefined || !Object.hasOwn(FRAME_SCHEMAS, event)) return true;
    }
    this.position = id ?? this.position;
    return true;
  }

  async #fetch(path: string, signal: AbortSignal): Promise<Response> {
    const response = await fetch(this.#url + path, { headers: this.#headers, signal });
    if (response.ok) return response;
    const body = await response.text();
    if (response.status === 503) throw new Error(body);
    throw new ClientError(`${path} answered ${response.status}: ${body}`);
  }
}

/** The server refused for good: asking again would be refused again. */
class ClientError extends Error {
  override readonly name = 'ClientError';
}
