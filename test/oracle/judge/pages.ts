import { isDeepStrictEqual } from 'node:util';
import type { TaskItem } from '@tasktrail/contract';
import type { SeenPage, Walk } from '../actors/recording.ts';
import type { Viewer } from '../actors/viewer.ts';
import { countUpTo, type ModelChange } from '../model/history.ts';
import { timeOf } from '../model/ids.ts';
import { inPageOrder, passes } from '../model/sight.ts';
import { type Evidence, isKnown } from './evidence.ts';
import { sightOf } from './streams.ts';

/** Whether every page is what it must be: invariants 3 and 5. */
export function judgePages(evidence: Evidence): string[] {
  const versions = versionsOf(evidence);
  return evidence.viewers.flatMap((viewer) =>
    viewer.recording.walks.flatMap((walk, index) =>
      [...judgeShape(walk), ...judgeContents(evidence, viewer, walk, versions)].map(
        (finding) => `${viewer.plan.name}, walk ${index} from ${walk.server}: ${finding}`,
      ),
    ),
  );
}

/** The settings of the program: a larger limit is clamped. */
const MAX_LIMIT = 200;

/** What needs no history to be judged. */
function judgeShape({ pages }: Walk): string[] {
  const items = pages.flatMap((page) => page.items);
  const ids = items.map(({ executionId }) => executionId);
  const positions = new Set(pages.map(({ position }) => `${position.epoch}.${position.id}`));
  return [
    ...(new Set(ids).size === ids.length ? [] : ['a task is on it twice']),
    ...(positions.size <= 1 ? [] : ['its pages have different stream cursors']),
    ...pages.filter((page) => !isFull(page)).map(({ limit }) => `a page of ${limit} is not full`),
    ...pages.filter((page) => !isInOrder(page)).map(() => 'a page is out of order'),
  ];
}

function isFull({ items, limit, isLast }: SeenPage): boolean {
  const most = Math.min(limit, MAX_LIMIT);
  return isLast ? items.length <= most : items.length === most;
}

function isInOrder({ items }: SeenPage): boolean {
  return isDeepStrictEqual(inPageOrder(items), items);
}

function judgeContents(
  evidence: Evidence,
  viewer: Viewer,
  { pages, endedAtMs }: Walk,
  versions: ReadonlyMap<string, readonly ModelChange[]>,
): string[] {
  const { history } = evidence;
  const position = pages[0]?.position;
  if (position === undefined) return [];
  const sight = sightOf(evidence, viewer);
  const items = pages.flatMap((page) => page.items);
  const forbidden = items.filter((item) => !passes(sight, item));
  const findings = forbidden.map(({ executionId }) => `${executionId} is on it and may not be`);
  if (!isKnown(evidence, position)) return findings;
  const wrong = items.filter(
    (item) => !isDeepStrictEqual(history.changeAt(item.lastEventId)?.item, item),
  );
  findings.push(...wrong.map((item) => `it has ${JSON.stringify(item)}, which never was`));
  if (endedAtMs === undefined) return findings;
  const shown = new Map(items.map((item) => [item.executionId, item]));
  for (const [executionId, changes] of versions) {
    const settled = settledSince(changes, position.id, endedAtMs);
    if (settled === undefined || !passes(sight, settled)) continue;
    if (shown.get(executionId)?.lastEventId !== settled.lastEventId) {
      findings.push(`${executionId} as of ${settled.lastEventId} is not on it`);
    }
  }
  return findings;
}

/** A task that did not change while the walk lasted; undefined where it may have. */
function settledSince(
  changes: readonly ModelChange[],
  from: string,
  untilMs: number,
): TaskItem | undefined {
  const count = countUpTo(changes, from);
  const next = changes[count];
  const mayHaveMoved = next !== undefined && timeOf(next.id) <= untilMs;
  return mayHaveMoved ? undefined : changes[count - 1]?.item;
}

function versionsOf({ history }: Evidence): Map<string, ModelChange[]> {
  const versions = new Map<string, ModelChange[]>();
  for (const change of history.changes) {
    const { executionId } = change.item;
    const changes = versions.get(executionId);
    if (changes === undefined) versions.set(executionId, [change]);
    else changes.push(change);
  }
  return versions;
}
