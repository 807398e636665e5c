import type { TaskPage } from '@tasktrail/contract';
import type { Sight } from '../../src/auth/visibility.ts';
import type { ReadModel, TaskFilter } from '../../src/read-model/read-model.ts';

export const EVERYTHING: Sight = { kind: 'everything' };
export const NO_FILTER: TaskFilter = { project: undefined, statuses: [] };

export function ownSight(...principals: string[]): Sight {
  return { kind: 'own', principals: new Set(principals) };
}

/** Reads every page. `betweenPages` is called after each but the last. */
export async function walk(
  model: ReadModel,
  query: { readonly filter: TaskFilter; readonly sight: Sight; readonly limit: number },
  betweenPages: (page: TaskPage) => Promise<void> = async () => {},
): Promise<TaskPage[]> {
  const pages: TaskPage[] = [];
  for (;;) {
    const cursor = pages.at(-1)?.nextCursor ?? undefined;
    const page = await model.page({ ...query, cursor });
    pages.push(page);
    if (page.nextCursor === null) return pages;
    await betweenPages(page);
  }
}

export function idsOf(page: TaskPage): string[] {
  return page.items.map((item) => item.executionId);
}
