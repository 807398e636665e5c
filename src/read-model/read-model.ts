import type { TaskItem, TaskPage, TaskStatus } from '@tasktrail/contract';
import type { Sight } from '../auth/visibility.ts';

/**
 * The read model: the latest state of every task, as the projector keeps it, read page by page.
 *
 * `indexes.ts` says which ordered sets hold a task; `page-plan.ts` decides which of them a query
 * walks; `page-cursor.ts` is where a walk goes on; `snapshot.ts` sends it to Redis, which reads
 * the position in the same step as the first rows. `page-cache.ts` keeps pages as they are sent, for as
 * long as the read model is in the same state, and reads each of them once for all who ask.
 */
export interface TaskFilter {
  /** Undefined: tasks of every project. */
  readonly project: string | undefined;
  /** Empty: tasks of every status. Else each status once. */
  readonly statuses: readonly TaskStatus[];
}

export interface PageQuery {
  readonly filter: TaskFilter;
  readonly sight: Sight;
  /** Tasks on a page, at least 1. Every page is full but the last. */
  readonly limit: number;
  /** The `nextCursor` of the page before; undefined for the first page. */
  readonly cursor: string | undefined;
}

export interface ReadModel {
  /**
   * @throws PageCursorError when the cursor is damaged, of other filters or of another history
   * @throws ReadModelUnavailableError when Redis is away or no history has been opened yet
   */
  page(query: PageQuery): Promise<TaskPage>;
  /**
   * Undefined when there is no such task, and also when the viewer may not see it.
   *
   * @throws ReadModelUnavailableError
   */
  task(executionId: string, sight: Sight): Promise<TaskItem | undefined>;
}

/**
 * A name of the state that the read model is in: while it is the same, so is every page. It is another
 * one whenever something was applied, repaired, laid out anew, or the history was replaced.
 */
export type ModelVersion = string;

/** Where pages are read, and what tells whether they would still be the same. */
export interface VersionedPages {
  /** As of a moment after the call. @throws ReadModelUnavailableError */
  version(): Promise<ModelVersion>;
  /** Throws as `ReadModel.page` does. */
  versionedPage(query: PageQuery): Promise<VersionedPage>;
}

export interface VersionedPage {
  readonly page: TaskPage;
  /** Undefined: it took several steps, and the state was another one in between. */
  readonly version: ModelVersion | undefined;
}

/** A page as it is sent. */
export interface EncodedPage {
  /** JSON. */
  readonly body: Buffer;
  /** Whoever may see the page under this tag has it already; undefined: it is of no one state. */
  readonly tag: PageTag | undefined;
}

/**
 * A name of a page's bytes: that of the program, of the read model's state, of the query and of the
 * sight. So nobody is ever given by it what somebody else may see.
 */
export type PageTag = string;

/**
 * Asks for a place to read, which is given back when it is disposed of.
 *
 * @param unneeded resolves when another reads what the place was asked for
 * @returns undefined: it was not needed any more
 */
export type Enter = (unneeded?: Promise<void>) => Promise<Disposable | undefined>;

/**
 * Pages for answers. What several ask for at the same time is read once, by the first of them who has
 * a place.
 */
export interface Pages {
  /**
   * What the page has as its tag at a moment after the call. It says nothing of whether there is such
   * a page. It takes no place: Redis is asked once for all who ask in one turn of the event loop.
   *
   * @throws ReadModelUnavailableError
   */
  tagOf(query: PageQuery): Promise<PageTag>;
  /** The page of a tag, if it is kept. */
  held(tag: PageTag): EncodedPage | undefined;
  /**
   * The page, at least as new as the tag, which is that of the query.
   *
   * @throws what `ReadModel.page` and `enter` throw
   */
  read(query: PageQuery, tag: PageTag, enter: Enter): Promise<EncodedPage>;
}

export class PageCursorError extends Error {
  override readonly name = 'PageCursorError';
}

export class ReadModelUnavailableError extends Error {
  override readonly name = 'ReadModelUnavailableError';
}
