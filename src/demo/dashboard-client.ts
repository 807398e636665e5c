import {
  FRAME_SCHEMAS,
  ReconnectSchema,
  type TaskItem,
  type TaskPage,
  TaskPageSchema,
  TaskRemovedSchema,
  type TaskStatus,
  TaskStatusUpdatedSchema,
} from '@tasktrail/contract';
import { type EventSourceMessage, EventSourceParserStream } from 'eventsource-parser/stream';
import { sleep } from '../runtime/retry.ts';

/** Between attempts, when the server has not said how long. */
const RETRY_MS = 500;

/**
 * What a dashboard does: load the snapshot page by page, then follow the stream from it, and load
 * it again when the stream says so. Whatever it holds at any time is what a viewer would see.
 */
export class DashboardClient {
  readonly tasks = new Map<string, TaskItem>();
  readonly #url: string;
  readonly #token: () => string;
  readonly #onChange: (task: TaskItem, previousStatus: TaskStatus | null) => void;
  /** The id of the last frame. */
  position: string | undefined;
  changes = 0;
  refreshes = 0;
  /** How long to wait before the next stream, in milliseconds. */
  #retryMs = 0;

  /**
   * @param url of the server, without a path
   * @param token asked anew for every request, since a token does not live as long as a page
   */
  constructor(
    url: string,
    token: () => string,
    onChange: (task: TaskItem, previousStatus: TaskStatus | null) => void,
  ) {
    this.#url = url;
    this.#token = token;
    this.#onChange = onChange;
  }

  /**
   * Follows until the signal aborts, over any cut of the connection.
   *
   * @throws RefusedError, or whatever is not as the schemas say
   */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#retryMs = 0;
      try {
        this.position ??= await this.#loadSnapshot(signal);
        await this.#follow(this.position, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!isPassing(error)) throw error;
        this.#retryMs = RETRY_MS;
      }
      await sleep(this.#retryMs, signal);
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
      case 'reconnect':
        this.#retryMs = ReconnectSchema.parse(JSON.parse(data)).retryAfterMs;
        break;
      default:
        if (event === undefined || !Object.hasOwn(FRAME_SCHEMAS, event)) return true;
    }
    this.position = id ?? this.position;
    return true;
  }

  async #fetch(path: string, signal: AbortSignal): Promise<Response> {
    const headers = { Authorization: `Bearer ${this.#token()}` };
    const response = await fetch(this.#url + path, { headers, signal });
    if (response.ok) return response;
    const problem = `${path} answered ${response.status}: ${await response.text()}`;
    throw response.status === 503 ? new UnavailableError(problem) : new RefusedError(problem);
  }
}

/** The server refused for good: asking again would be refused again. */
class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

/** The server cannot answer now. */
class UnavailableError extends Error {
  override readonly name = 'UnavailableError';
}

/** Whether trying again helps. fetch rejects with a TypeError when the connection fails or breaks. */
function isPassing(error: unknown): boolean {
  return error instanceof UnavailableError || error instanceof TypeError;
}
