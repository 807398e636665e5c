import {
  FRAME_SCHEMAS,
  type FrameName,
  type Position,
  parsePosition,
  type TaskItem,
  TaskItemSchema,
  type TaskPage,
  TaskPageSchema,
} from '@tasktrail/contract';
import { createParser } from 'eventsource-parser';
import type { PlannedViewer } from '../plan/round-plan.ts';
import type { Runner } from '../world/runner.ts';
import type { SeenFrame } from './recording.ts';

/** How a dashboard asks, and what of an answer it takes. */

/** The server cannot answer now: try again. */
export class AwayError extends Error {
  override readonly name = 'AwayError';
}

/** The snapshot must be begun anew: its history is gone. */
export class VoidCursorError extends Error {
  override readonly name = 'VoidCursorError';
}

/** The token was not accepted: get another one. */
export class UnauthorizedError extends Error {
  override readonly name = 'UnauthorizedError';
}

/** The server did what PROTOCOL.md says that it does not. */
export class BrokenPromiseError extends Error {
  override readonly name = 'BrokenPromiseError';
}

const ANSWER_MS = 8_000;

/** Nothing is sent that the contract does not name. */
const STRICT_PAGE = TaskPageSchema.strict();
const STRICT_ITEM = TaskItemSchema.strict();
const STRICT_FRAMES = {
  task_status_updated: FRAME_SCHEMAS.task_status_updated.strict(),
  task_removed: FRAME_SCHEMAS.task_removed.strict(),
  snapshot_refresh_required: FRAME_SCHEMAS.snapshot_refresh_required.strict(),
  keepalive: FRAME_SCHEMAS.keepalive.strict(),
  reconnect: FRAME_SCHEMAS.reconnect.strict(),
};

export function queryOf(
  { project = '', statuses = [] }: Pick<PlannedViewer, 'project' | 'statuses'>,
  parameters: Readonly<Record<string, string>>,
): URLSearchParams {
  // Empty parameters count as absent.
  return new URLSearchParams({ project, statuses: statuses.join(','), ...parameters });
}

/** @throws AwayError, VoidCursorError, UnauthorizedError or BrokenPromiseError */
export async function ask(
  server: Runner,
  path: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(server.url + path, { headers, signal });
  } catch (cause) {
    throw new AwayError(`${server.name} does not answer`, { cause });
  }
  if (response.ok) return response;
  const problem = `${server.name} answered ${response.status} to ${path}`;
  const body = await response.text().catch(() => '');
  if (response.status === 503) throw new AwayError(problem);
  if (response.status === 401) throw new UnauthorizedError(problem);
  if (body.includes('invalid_cursor')) throw new VoidCursorError(problem);
  throw new BrokenPromiseError(`${problem}: ${body}`);
}

export async function askPage(
  server: Runner,
  query: URLSearchParams,
  token: string,
  stop: AbortSignal,
): Promise<TaskPage> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(ANSWER_MS)]);
  const path = `/dashboard/tasks?${query}`;
  const body = await readJson(await ask(server, path, bearer(token), signal));
  const page = STRICT_PAGE.safeParse(body);
  if (!page.success) throw new BrokenPromiseError(`a page is not as promised: ${page.error}`);
  return page.data;
}

/** Undefined where there is none, or none for this viewer. */
export async function askTask(
  server: Runner,
  executionId: string,
  token: string,
): Promise<TaskItem | undefined> {
  const path = `/dashboard/tasks/${encodeURIComponent(executionId)}`;
  const signal = AbortSignal.timeout(ANSWER_MS);
  const response = await fetch(server.url + path, { headers: bearer(token), signal });
  if (response.status === 404) return undefined;
  if (!response.ok) throw new BrokenPromiseError(`${path} answered ${response.status}`);
  return STRICT_ITEM.parse(await response.json());
}

export function bearer(token: string): Record<string, string> {
  return { Authorization: `Bearer ${token}` };
}

/** Frames of a stream's text as it comes. */
export function frameParser(onFrame: (frame: SeenFrame) => void): (text: string) => void {
  const parser = createParser({
    onEvent: ({ event = '', id, data }) => {
      if (!Object.hasOwn(FRAME_SCHEMAS, event)) {
        throw new BrokenPromiseError(`a frame is called "${event}"`);
      }
      const name = event as FrameName;
      const parsed = STRICT_FRAMES[name].safeParse(JSON.parse(data));
      if (!parsed.success) throw new BrokenPromiseError(`${name} is not as promised: ${data}`);
      const atMs = Date.now();
      onFrame({ name, position: readPosition(id), data: parsed.data, atMs } as SeenFrame);
    },
  });
  return (text) => parser.feed(text);
}

export function readPosition(text: string | undefined): Position {
  const position = parsePosition(text ?? '');
  if (position?.epoch === undefined) throw new BrokenPromiseError(`"${text}" is no position`);
  return { epoch: position.epoch, id: position.id };
}

async function readJson(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch (cause) {
    throw new AwayError('an answer broke off', { cause });
  }
}
