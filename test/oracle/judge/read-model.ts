import { isDeepStrictEqual } from 'node:util';
import type { TaskItem } from '@tasktrail/contract';
import { audienceOf, type History, type StoredEntry } from '../model/history.ts';
import { differenceOf } from './difference.ts';
import type { Stored } from './stored.ts';

/** Whether Redis holds what the events mean: invariants 1, 2 and 8. */
export function judgeReadModel(history: History, stored: Stored, feedMaxLength: number): string[] {
  return [...judgeCommitted(history, stored, feedMaxLength), ...judgeQuarantine(history, stored)];
}

/** All that one commit writes, but for the quarantine. */
export function judgeCommitted(history: History, stored: Stored, feedMaxLength: number): string[] {
  return [
    ...judgeProjector(history, stored),
    ...compareMaps('row', expectedRows(history), parsedRows(stored)),
    ...compareMaps('ordered set', expectedSets(history), stored.sets),
    ...stored.others.map((key) => `${key} is there, and should not be`),
    ...judgeFeed(history, stored, feedMaxLength),
  ];
}

function judgeProjector({ lastId, outcomes }: History, { projector }: Stored): string[] {
  const { checkpoint, entriesRead, layout, epoch } = projector;
  const found = { checkpoint, entriesRead, layout, hasEpoch: epoch !== undefined };
  const expected = {
    checkpoint: outcomes.size === 0 ? undefined : lastId,
    entriesRead: outcomes.size === 0 ? undefined : String(outcomes.size),
    layout: outcomes.size === 0 ? undefined : '1',
    hasEpoch: true,
  };
  return difference('the projector', expected, found);
}

function expectedRows(history: History): Map<string, unknown> {
  const rows = [...history.items].map(([executionId, item]) => {
    const { visibility, attempt, ...rest } = item;
    const row = {
      ...rest,
      attempt: String(attempt),
      visibility: visibility.responsibleUsers.length === 0 ? null : visibility,
      recentEventIds: history.rememberedBy(executionId),
    };
    const isSaid = (value: unknown) => value !== null && !isDeepStrictEqual(value, []);
    const said = Object.entries(row).filter(([, value]) => isSaid(value));
    return [`task-tracking:execution:${executionId}`, Object.fromEntries(said)] as const;
  });
  return new Map(rows);
}

function parsedRows({ hashes }: Stored): Map<string, unknown> {
  const nested = ['actor', 'prLinks', 'visibility', 'recentEventIds'];
  const rows = [...hashes].map(([key, row]) => {
    const fields = Object.entries(row).map(([field, text]) => [
      field,
      nested.includes(field) ? JSON.parse(text) : text,
    ]);
    return [key, Object.fromEntries(fields)] as const;
  });
  return new Map(rows);
}

function expectedSets(history: History): Map<string, Map<string, number>> {
  const sets = new Map<string, Map<string, number>>();
  for (const item of history.items.values()) {
    for (const name of setsOf(item)) {
      const key = `task-tracking:${name}executions`;
      const members = sets.get(key) ?? new Map<string, number>();
      sets.set(key, members.set(item.executionId, Date.parse(item.occurredAt)));
    }
  }
  return sets;
}

function setsOf(item: TaskItem): string[] {
  const { status, project } = item;
  const audience = [...audienceOf(item)].map((principal) => `principal:${principal}:`);
  return [
    '',
    `status:${status}:`,
    `project:${project}:`,
    `project-status:${project}:${status}:`,
  ].concat(audience);
}

/** The feed is the end of all changes, and no shorter than it may be. */
function judgeFeed({ changes }: History, { feed }: Stored, maxLength: number): string[] {
  const least = Math.min(changes.length, maxLength);
  if (feed.length < least) return [`the feed has ${feed.length} changes of at least ${least}`];
  const expected = changes.slice(changes.length - feed.length).map(({ id, item, before }) => ({
    ...{ id, item },
    previous:
      before === undefined
        ? undefined
        : { status: before.status, audience: [...audienceOf(before)].toSorted() },
  }));
  return compareLists('change', expected, feed.map(parseChange));
}

function parseChange({ id, pairs }: StoredEntry): { readonly id: string } {
  const texts = new Map<string, string>();
  for (let i = 0; i + 1 < pairs.length; i += 2) texts.set(String(pairs[i]), String(pairs[i + 1]));
  const previous = texts.has('previous') ? JSON.parse(texts.get('previous') ?? '') : undefined;
  previous?.audience.sort();
  return { ...{ id, item: JSON.parse(texts.get('item') ?? 'null') }, previous } as never;
}

/** Whole, byte by byte, once each, and with the reason. */
function judgeQuarantine({ quarantined }: History, { quarantine }: Stored): string[] {
  const expected = quarantined.map(({ entry, flaw }) => ({
    id: entry.id,
    kept: [...entry.pairs.map(asText), 'reason', flaw.reason, 'field', flaw.field],
  }));
  const found = quarantine.map(({ pairs }) => ({
    id: String(pairs.at(-1)),
    // The detail is for a person.
    kept: pairs.slice(0, -4).map(asText),
  }));
  return compareLists('quarantined entry', expected, found);
}

function asText(bytes: Buffer): string {
  return bytes.toString('latin1');
}

function compareLists(
  what: string,
  expected: readonly { readonly id: string }[],
  found: readonly { readonly id: string }[],
): string[] {
  const ids = found.map(({ id }) => id);
  const twice = ids.filter((id, index) => ids.indexOf(id) !== index);
  const byId = (list: readonly { readonly id: string }[]) =>
    new Map(list.map((one) => [one.id, one as unknown]));
  const isInOrder = isDeepStrictEqual(
    ids,
    expected.map(({ id }) => id),
  );
  return [
    ...twice.map((id) => `${what} ${id} is there twice`),
    ...compareMaps(what, byId(expected), byId(found)),
    ...(isInOrder || expected.length !== found.length ? [] : [`a ${what} is out of order`]),
  ];
}

function compareMaps(
  what: string,
  expected: ReadonlyMap<string, unknown>,
  found: ReadonlyMap<string, unknown>,
): string[] {
  const keys = new Set([...expected.keys(), ...found.keys()]);
  return [...keys].flatMap((key) => {
    if (!found.has(key)) return [`${what} ${key} is missing`];
    if (!expected.has(key)) return [`${what} ${key} is there, and should not be`];
    return difference(`${what} ${key}`, expected.get(key), found.get(key));
  });
}

function difference(what: string, expected: unknown, found: unknown): string[] {
  const problem = differenceOf(asRecord(expected), asRecord(found));
  return problem === undefined ? [] : [`${what}: ${problem}`];
}

function asRecord(value: unknown): unknown {
  return value instanceof Map ? Object.fromEntries(value) : value;
}
