import { isDeepStrictEqual } from 'node:util';
import { parseStreamId } from '@tasktrail/contract';
import { indexKeysOf, indexScoreOf } from '../read-model/indexes.ts';
import type { Keys } from '../redis/keys.ts';
import { CorruptRowError, decodeTaskRow, encodeTaskRow, type Task } from '../redis/task-row.ts';
import { mayBeOfGone, type Removals } from './completeness.ts';
import type { Found, FoundMember, FoundRow } from './moment.ts';
import type { Difference } from './repair.ts';

/** What should be stored of an execution. */
export type Target =
  | { readonly kind: 'task'; readonly task: Task }
  /** Nothing: no event tells of it. */
  | { readonly kind: 'none' }
  /** Its first events are gone: the row stays as it is, and the ordered sets follow it. */
  | { readonly kind: 'unjudged'; readonly task: Task }
  /** Neither can be known: its first events are gone, none is left, and the row is no task. */
  | { readonly kind: 'unknown'; readonly error: CorruptRowError };

/**
 * @param folded what the events make of it at the moment of the row
 * @param removals which events are not there
 */
export function targetOf(folded: Task | undefined, row: FoundRow, removals: Removals): Target {
  const byEvents: Target = folded === undefined ? { kind: 'none' } : { kind: 'task', task: folded };
  if (row.kind !== 'row') return byEvents;
  const createdAt = row.fields.get('createdAt');
  const lastEventId = parseStreamId(row.fields.get('lastEventId') ?? '');
  const claims = { createdAt, lastEventId };
  if (!mayBeOfGone(claims, folded?.lastEventId, removals)) return byEvents;
  const read = decode(row);
  if (!(read instanceof CorruptRowError)) return read ? { kind: 'unjudged', task: read } : byEvents;
  // Of no stream that is known, and no task.
  if (removals.gone === undefined) return byEvents;
  // What is left of the events makes a row that can be read again.
  return folded === undefined ? { kind: 'unknown', error: read } : byEvents;
}

function decode({
  fields,
}: FoundRow & { readonly kind: 'row' }): Task | CorruptRowError | undefined {
  try {
    return decodeTaskRow(Object.fromEntries(fields));
  } catch (error) {
    if (error instanceof CorruptRowError) return error;
    throw error;
  }
}

/** The ordered sets that should hold the execution. */
export function demandedBy(target: Target, keys: Keys): string[] {
  const isTask = target.kind === 'task' || target.kind === 'unjudged';
  return isTask ? indexKeysOf(target.task, keys) : [];
}

/** The ordered sets that a row demands as it is stored, right or wrong; none where it is no task. */
export function demandedByRow(row: FoundRow, keys: Keys): string[] {
  const read = row.kind === 'row' ? decode(row) : undefined;
  return read === undefined || read instanceof CorruptRowError ? [] : indexKeysOf(read, keys);
}

/** How a row and its members differ; strays apart, since only a look at all sets finds them. */
export function compareRow(
  executionId: string,
  target: Target,
  found: Found,
  keys: Keys,
): Difference[] {
  const ofRow = rowDifferences(target, found.row).map((difference) => ({
    ...{ key: keys.execution(executionId), executionId },
    ...difference,
  }));
  if (target.kind === 'none' || target.kind === 'unknown') return ofRow;
  const expected = indexScoreOf(target.task);
  const ofMembers = demandedBy(target, keys).flatMap((key) => {
    const difference = memberDifference(found.members.get(key), expected);
    return difference === undefined ? [] : [{ key, executionId, field: null, ...difference }];
  });
  return [...ofRow, ...ofMembers];
}

/** The members among those that were asked for which no row demands. */
export function compareStrays(
  executionId: string,
  target: Target,
  found: Found,
  keys: Keys,
): Difference[] {
  if (target.kind === 'unknown') return [];
  const demanded = demandedBy(target, keys);
  return [...found.members].flatMap(([key, member]): Difference[] =>
    member.kind !== 'member' || demanded.includes(key)
      ? []
      : [
          {
            ...{ kind: 'member_stray', key, executionId, field: null },
            ...{ expected: null, found: member.score },
          },
        ],
  );
}

type OfRow = Pick<Difference, 'kind' | 'field' | 'expected' | 'found'>;

function rowDifferences(target: Target, row: FoundRow): OfRow[] {
  if (row.kind === 'wrong_type') {
    const expected = target.kind === 'none' ? null : 'hash';
    return [{ kind: 'wrong_type', field: null, expected, found: row.type }];
  }
  switch (target.kind) {
    case 'none':
      if (row.kind === 'none') return [];
      return [{ kind: 'row_unexplained', field: null, expected: null, found: lastEventIn(row) }];
    case 'unjudged':
      return [];
    case 'unknown': {
      const { field } = target.error;
      const found = row.kind === 'row' ? (row.fields.get(field) ?? null) : null;
      return [{ kind: 'row_unreadable', field, expected: null, found }];
    }
    case 'task':
      if (row.kind === 'row') return fieldDifferences(target.task, row.fields);
      return [{ kind: 'row_missing', field: null, expected: target.task.lastEventId, found: null }];
  }
}

function lastEventIn(row: FoundRow): string {
  return row.kind === 'row' ? (row.fields.get('lastEventId') ?? '') : '';
}

function fieldDifferences(task: Task, found: ReadonlyMap<string, string>): OfRow[] {
  const pairs = encodeTaskRow(task);
  const expected = new Map<string, string>();
  for (let i = 0; i < pairs.length; i += 2) expected.set(pairs[i] ?? '', pairs[i + 1] ?? '');
  return [...new Set([...expected.keys(), ...found.keys()])]
    .filter((field) => !isSameValue(field, expected.get(field), found.get(field)))
    .map((field) => ({
      ...{ kind: 'row_field', field },
      ...{ expected: expected.get(field) ?? null, found: found.get(field) ?? null },
    }));
}

/** Kept as JSON, whose texts may differ where the values do not. */
const NESTED: ReadonlySet<string> = new Set([
  'actor',
  'prLinks',
  'visibility',
  'recentEventIds',
] satisfies (keyof Task)[]);

function isSameValue(field: string, a: string | undefined, b: string | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined || !NESTED.has(field)) return false;
  try {
    return isDeepStrictEqual(JSON.parse(a), JSON.parse(b));
  } catch {
    return false;
  }
}

type OfMember = Pick<Difference, 'kind' | 'expected' | 'found'>;

function memberDifference(found: FoundMember | undefined, expected: number): OfMember | undefined {
  if (found?.kind !== 'member') return { kind: 'member_missing', expected, found: null };
  if (found.score === expected) return undefined;
  return { kind: 'member_score', expected, found: found.score };
}
