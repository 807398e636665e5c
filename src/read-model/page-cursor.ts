import { createHash } from 'node:crypto';
import { formatPosition, type Position, parsePosition } from '@tasktrail/contract';
import { normalizeFilter } from './page-plan.ts';
import { PageCursorError, type TaskFilter } from './read-model.ts';

/**
 * Where a walk through the pages goes on: `p1.<payload>.<checksum>`. (PROTOCOL.md, "The snapshot")
 *
 * The checksum finds what was cut, mistyped or made up, so that such a cursor is refused and never
 * read as some other place. It keeps no secret: replicas share none, and a cursor grants nothing,
 * because what a viewer may see is judged anew on every page.
 */
export interface PageCursor {
  /** The position that the first page was read at: every page of the walk answers with it. */
  readonly walkedFrom: Position;
  /** The last task of the page before. */
  readonly after: PagePlace;
}

/** A place in the order of pages, whether or not a task is still there. */
export interface PagePlace {
  /** Milliseconds since 1970, negative before. */
  readonly score: number;
  readonly executionId: string;
}

const VERSION = 'p1';
/** Enough for a position of 80 characters and an executionId of 200, each escaped as JSON. */
const MAX_LENGTH = 1000;
/** 96 bits: no accident finds a collision. */
const HASH_BYTES = 12;

const REMEDY = 'Load the first page again, without a cursor.';

export function formatPageCursor(cursor: PageCursor, filter: TaskFilter): string {
  const { walkedFrom, after } = cursor;
  const fields = [formatPosition(walkedFrom), digestOf(filter), after.score, after.executionId];
  const payload = Buffer.from(JSON.stringify(fields)).toString('base64url');
  return `${VERSION}.${payload}.${checksumOf(payload)}`;
}

/**
 * @param filter that of the query which the cursor came with
 * @throws PageCursorError when the text is no cursor of this version, or of another filter
 */
export function parsePageCursor(text: string, filter: TaskFilter): PageCursor {
  const [version, payload = '', checksum, ...rest] =
    text.length > MAX_LENGTH ? [] : text.split('.');
  if (version !== VERSION || rest.length > 0 || checksum !== checksumOf(payload)) {
    throw new PageCursorError(`This is no nextCursor of a page, or a damaged one. ${REMEDY}`);
  }
  const [position, digest, score, executionId] = parsePayload(payload);
  const walkedFrom = typeof position === 'string' ? parsePosition(position) : undefined;
  if (
    walkedFrom?.epoch === undefined ||
    !Number.isSafeInteger(score) ||
    typeof executionId !== 'string'
  ) {
    throw new PageCursorError(`This page cursor names no place. ${REMEDY}`);
  }
  if (digest !== digestOf(filter)) {
    throw new PageCursorError(
      `This page cursor belongs to another project or other statuses. ${REMEDY}`,
    );
  }
  return {
    walkedFrom: { epoch: walkedFrom.epoch, id: walkedFrom.id },
    after: { score: score as number, executionId },
  };
}

/** @throws PageCursorError when the walk began in another history than the current one */
export function requireSameHistory(cursor: PageCursor, current: Position): void {
  if (cursor.walkedFrom.epoch === current.epoch) return;
  throw new PageCursorError(
    `The task history was replaced since this page cursor was given. ${REMEDY}`,
  );
}

function parsePayload(payload: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString());
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

function digestOf(filter: TaskFilter): string {
  const { project, statuses } = normalizeFilter(filter);
  return hash(JSON.stringify([project ?? null, statuses]));
}

function checksumOf(payload: string): string {
  return hash(`${VERSION}.${payload}`);
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest().subarray(0, HASH_BYTES).toString('base64url');
}
