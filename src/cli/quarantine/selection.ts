import { compareStreamIds, type StreamId } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import type { Keys } from '../../redis/keys.ts';
import { originOf, type QuarantineEntry } from '../../redis/quarantine-entry.ts';
import { boundId, hasFilter, isWanted, type QuarantineFilter } from './filter.ts';
import { readQuarantine, readQuarantined } from './store.ts';
import { type Subject, subjectOf } from './subject.ts';

/** Which entries a command takes: those of a filter, or those that are named. */

/** What a command that changes the quarantine is told. */
export interface Choice extends QuarantineFilter {
  readonly all?: boolean;
}

export interface Found {
  readonly entry: QuarantineEntry;
  readonly subject: Subject;
}

export interface Selection {
  /** In the order of their origins. */
  readonly ids: readonly StreamId[];
  /** Named, and not there. */
  readonly missing: readonly StreamId[];
  /** There are more than one call takes. */
  readonly isCut: boolean;
}

/** What one call takes: its ids are held in memory, and what becomes of their tasks. */
const MAX_SELECTED = 100_000;

/** Why nothing is chosen; undefined where something is. */
export function choiceFault(ids: readonly StreamId[], choice: Choice): string | undefined {
  const given = [ids.length > 0, hasFilter(choice), choice.all === true].filter(Boolean).length;
  if (given === 1) return undefined;
  return given === 0
    ? 'say which entries: their ids, a filter such as --reason, or --all'
    : 'give ids, or a filter, or --all: one of them';
}

/** Every entry that passes a filter, a page at a time. */
export async function* findQuarantined(
  redis: Redis,
  keys: Keys,
  filter: QuarantineFilter,
  order: 'oldest_first' | 'newest_first',
  nowMs: number,
): AsyncGenerator<Found, void> {
  const range = { from: boundId(filter.since, nowMs), before: boundId(filter.until, nowMs) };
  for await (const page of readQuarantine(redis, keys, range, order)) {
    let found = page.map((entry) => ({ entry, subject: subjectOf(entry) }));
    if (filter.project !== undefined) found = await withProjects(redis, keys, found);
    yield* found.filter(({ entry, subject }) => isWanted(entry, subject, filter));
  }
}

/**
 * Fixes what a command is about: what is quarantined after this is not in it.
 *
 * @param max of a filter: how many of the oldest it takes
 */
export async function selectQuarantined(
  redis: Redis,
  keys: Keys,
  ids: readonly StreamId[],
  choice: Choice,
  nowMs: number,
  max = MAX_SELECTED,
): Promise<Selection> {
  if (ids.length > 0) return await selectNamed(redis, keys, [...new Set(ids)]);
  const chosen: Ordered[] = [];
  for await (const { entry } of findQuarantined(redis, keys, choice, 'oldest_first', nowMs)) {
    if (chosen.length === max) return { ids: inOrder(chosen), missing: [], isCut: true };
    chosen.push({ id: entry.id, origin: originOf(entry) });
  }
  return { ids: inOrder(chosen), missing: [], isCut: false };
}

interface Ordered {
  readonly id: StreamId;
  readonly origin: StreamId;
}

async function selectNamed(redis: Redis, keys: Keys, ids: readonly StreamId[]): Promise<Selection> {
  const chosen: Ordered[] = [];
  const missing: StreamId[] = [];
  for (const id of ids) {
    const entry = await readQuarantined(redis, keys, id);
    if (entry === undefined) missing.push(id);
    else chosen.push({ id, origin: originOf(entry) });
  }
  return { ids: inOrder(chosen), missing, isCut: false };
}

function inOrder(chosen: Ordered[]): StreamId[] {
  return chosen
    .sort((a, b) => compareStreamIds(a.origin, b.origin) || compareStreamIds(a.id, b.id))
    .map(({ id }) => id);
}

/** An event need not say its project again: then it is that of its task. */
async function withProjects(redis: Redis, keys: Keys, found: readonly Found[]): Promise<Found[]> {
  return await Promise.all(
    found.map(async ({ entry, subject }) => {
      const { executionId, project } = subject;
      if (project !== undefined || executionId === undefined) return { entry, subject };
      const stored = await redis.hget(keys.execution(executionId), 'project');
      return { entry, subject: { executionId, project: stored ?? undefined } };
    }),
  );
}
