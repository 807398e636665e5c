import {
  formatPosition,
  type Position,
  parseStreamId,
  STREAM_START,
  type TaskItem,
  type TaskPage,
} from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { audienceOf, canSee, type Sight } from '../auth/visibility.ts';
import type { Keys } from '../redis/keys.ts';
import { judgeLayout } from '../redis/layout.ts';
import { loadScript, runScript } from '../redis/script.ts';
import { decodeTaskRow, type Task, toItem } from '../redis/task-row.ts';
import { judgeFailure } from '../redis/trouble.ts';
import { indexScoreOf } from './indexes.ts';
import {
  formatPageCursor,
  type PagePlace,
  parsePageCursor,
  requireSameHistory,
} from './page-cursor.ts';
import { type PagePlan, planPage } from './page-plan.ts';
import {
  type ModelVersion,
  type PageQuery,
  type ReadModel,
  ReadModelUnavailableError,
  type TaskFilter,
  type VersionedPage,
  type VersionedPages,
} from './read-model.ts';

const READ_PAGE = loadScript('read-page');

/** Of the projector's hash. A repair counts in `mends` what it writes behind the checkpoint. */
const STATE_FIELDS = ['epoch', 'checkpoint', 'layout', 'mends'];

/** One call blocks Redis for a few milliseconds at most, whatever the limit and the filter. */
const MAX_MEMBERS_PER_CALL = 500;

/** What one call found, all of it of the same moment of Redis. */
interface PagePart {
  readonly position: Position;
  readonly version: ModelVersion;
  readonly tasks: readonly Task[];
  /** Where the next part begins; undefined when there is nothing more. */
  readonly stop: PagePlace | undefined;
}

/**
 * The snapshot: pages of the latest state of every task, and single tasks.
 *
 * A page is read in parts, each in one step of Redis: one part, unless the plan leaves a filter to
 * the rows or the page is longer than a part. The position is that of the walk's first part, and
 * every page repeats it. What changes after it is told by the stream from there, and what does not
 * change keeps its place; so pages and stream together miss nothing.
 */
export class Snapshot implements ReadModel, VersionedPages {
  readonly #redis: Redis;
  readonly #keys: Keys;

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  async page(query: PageQuery): Promise<TaskPage> {
    const { page } = await this.versionedPage(query);
    return page;
  }

  async version(): Promise<ModelVersion> {
    const stored = await whileAvailable(this.#redis.hmget(this.#keys.projector, ...STATE_FIELDS));
    return versionOf(stored);
  }

  async versionedPage({ filter, sight, limit, cursor: text }: PageQuery): Promise<VersionedPage> {
    const cursor = text === undefined ? undefined : parsePageCursor(text, filter);
    const plan = planPage(filter, sight, this.#keys);
    const items: TaskItem[] = [];
    let walkedFrom = cursor?.walkedFrom;
    let after = cursor?.after;
    const versions = new Set<ModelVersion>();
    do {
      // One more than the page holds: it shows whether there is another page.
      const part = await this.#readPart(plan, limit + 1 - items.length, after);
      if (cursor !== undefined) requireSameHistory(cursor, part.position);
      walkedFrom ??= part.position;
      if (walkedFrom.epoch !== part.position.epoch) throw unavailable('the history was replaced');
      versions.add(part.version);
      items.push(...part.tasks.filter((task) => isOfPage(task, filter, sight)).map(toItem));
      after = part.stop;
    } while (items.length <= limit && after !== undefined);
    const last = items.length > limit ? items[limit - 1] : undefined;
    const [version] = versions;
    return {
      page: {
        items: items.slice(0, limit),
        nextCursor:
          last === undefined
            ? null
            : formatPageCursor({ walkedFrom, after: placeOf(last) }, filter),
        streamCursor: formatPosition(walkedFrom),
      },
      version: versions.size === 1 ? version : undefined,
    };
  }

  async task(executionId: string, sight: Sight): Promise<TaskItem | undefined> {
    // In this order: a row that is missing because Redis was emptied leaves no epoch either.
    const [row, [epoch, layout]] = await whileAvailable(
      Promise.all([
        this.#redis.hgetall(this.#keys.execution(executionId)),
        this.#redis.hmget(this.#keys.projector, 'epoch', 'layout'),
      ]),
    );
    requireReadable(layout ?? '');
    requireEpoch(epoch ?? '');
    const task = decodeTaskRow(row);
    return task !== undefined && isVisible(task, sight) ? toItem(task) : undefined;
  }

  async #readPart(plan: PagePlan, wanted: number, after: PagePlace | undefined): Promise<PagePart> {
    const keys = [this.#keys.projector, ...plan.sets];
    const bounds = [this.#keys.execution(''), wanted, MAX_MEMBERS_PER_CALL];
    const place = [after?.score ?? '', after?.executionId ?? ''];
    const filter = [plan.rest.project ?? '', ...plan.rest.statuses];
    const args = [...bounds, ...place, ...filter];
    const reply = await whileAvailable(runScript(this.#redis, READ_PAGE, keys, args));
    const [stored, json, stop] = reply as PageReply;
    const rows: (string[] | Record<string, never>)[] = JSON.parse(json);
    const version = versionOf(stored);
    return {
      position: toPosition(stored),
      version,
      tasks: rows.map(decodeTaskRow).filter((task) => task !== undefined),
      stop: stop === null ? undefined : { score: Number(stop[0]), executionId: stop[1] },
    };
  }
}

/** As the header of read-page.lua says. */
type PageReply = [
  stored: (string | null)[],
  rows: string,
  stop: [score: string, member: string] | null,
];

/** The index finds, the row decides: a stray member of an ordered set shows nobody a wrong task. */
function isOfPage(task: TaskItem, { project, statuses }: TaskFilter, sight: Sight): boolean {
  return (
    (project === undefined || task.project === project) &&
    (statuses.length === 0 || statuses.includes(task.status)) &&
    isVisible(task, sight)
  );
}

function isVisible(task: TaskItem, sight: Sight): boolean {
  return canSee(sight, audienceOf(task));
}

function placeOf(item: TaskItem): PagePlace {
  return { score: indexScoreOf(item), executionId: item.executionId };
}

/** @throws ReadModelUnavailableError where nothing may be read in this state */
function versionOf(stored: readonly (string | null)[]): ModelVersion {
  const [epoch, , layout] = stored;
  requireReadable(layout ?? '');
  requireEpoch(epoch ?? '');
  return JSON.stringify(stored);
}

function toPosition([storedEpoch, storedCheckpoint]: readonly (string | null)[]): Position {
  const epoch = storedEpoch ?? '';
  const checkpoint = storedCheckpoint ?? '';
  // A history that has been opened, and nothing applied yet.
  if (checkpoint === '') return { epoch, id: STREAM_START };
  const id = parseStreamId(checkpoint);
  if (id === undefined) throw unavailable('the stored checkpoint is no stream id');
  return { epoch, id };
}

/** Rows of another layout are not shown: the tailer tells why, and ends a server that is too old. */
function requireReadable(layout: string): void {
  if (judgeLayout(layout).kind !== 'current') throw unavailable(`the layout is ${layout}`);
}

function requireEpoch(epoch: string): void {
  if (epoch === '') throw unavailable('no history has been opened yet');
}

async function whileAvailable<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    // What no waiting mends is a defect, and must not look like an outage.
    throw judgeFailure(cause) === 'passes' ? unavailable('Redis cannot be read', cause) : cause;
  }
}

function unavailable(reason: string, cause?: unknown): ReadModelUnavailableError {
  return new ReadModelUnavailableError(`${reason}; try again in a moment`, { cause });
}
