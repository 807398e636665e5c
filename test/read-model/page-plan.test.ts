import { TASK_STATUSES } from '@tasktrail/contract';
import { describe, expect, test } from 'vitest';
import type { Sight } from '../../src/auth/visibility.ts';
import { normalizeFilter, planPage } from '../../src/read-model/page-plan.ts';
import { KEYS } from '../../src/redis/keys.ts';

const EVERYTHING: Sight = { kind: 'everything' };
const { all, byStatus, byProject, byProjectAndStatus, byPrincipal } = KEYS.executions;
const NOTHING_LEFT = { project: undefined, statuses: [] };

describe('who sees everything', () => {
  test.for([
    { filter: { project: undefined, statuses: [] }, sets: [all()] },
    { filter: { project: undefined, statuses: TASK_STATUSES }, sets: [all()] },
    { filter: { project: 'o/r', statuses: [] }, sets: [byProject('o/r')] },
    { filter: { project: 'o/r', statuses: TASK_STATUSES }, sets: [byProject('o/r')] },
    {
      filter: { project: undefined, statuses: ['error', 'queued'] as const },
      sets: [byStatus('queued'), byStatus('error')],
    },
    {
      filter: { project: 'o/r', statuses: ['error', 'queued'] as const },
      sets: [byProjectAndStatus('o/r', 'queued'), byProjectAndStatus('o/r', 'error')],
    },
  ])('walks $sets, and no row is asked anything', ({ filter, sets }) => {
    expect(planPage(filter, EVERYTHING, KEYS)).toEqual({ sets, rest: NOTHING_LEFT });
  });
});

describe('who sees their own', () => {
  const sight: Sight = { kind: 'own', principals: new Set(['slack:U1', 'github:ana']) };
  const sets = [byPrincipal('slack:U1'), byPrincipal('github:ana')];

  test('walks the sets of their principals and asks the rows for the rest', () => {
    const filter = { project: 'o/r', statuses: ['error'] as const };
    expect(planPage(filter, sight, KEYS)).toEqual({ sets, rest: filter });
  });

  test('asks the rows nothing when the filter takes every status of every project', () => {
    const filter = { project: undefined, statuses: TASK_STATUSES };
    expect(planPage(filter, sight, KEYS)).toEqual({ sets, rest: NOTHING_LEFT });
  });

  test('without principals walks nothing at all', () => {
    const nobody: Sight = { kind: 'own', principals: new Set() };
    expect(planPage(NOTHING_LEFT, nobody, KEYS).sets).toEqual([]);
  });
});

test('filters that mean the same are spelled the same', () => {
  expect(normalizeFilter({ project: 'o/r', statuses: ['error', 'queued', 'error'] })).toEqual(
    normalizeFilter({ project: 'o/r', statuses: ['queued', 'error'] }),
  );
  expect(normalizeFilter({ project: 'o/r', statuses: [...TASK_STATUSES].reverse() })).toEqual(
    normalizeFilter({ project: 'o/r', statuses: [] }),
  );
});
