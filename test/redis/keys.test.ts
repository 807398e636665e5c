import { TASK_STATUSES } from '@tasktrail/contract';
import { describe, expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';

const { execution, executions } = KEYS;

/** Families of keys: what bots name comes after a beginning that is the family's own. */
const FAMILIES: Readonly<Record<string, (name: string) => string>> = {
  execution,
  project: executions.byProject,
  'project and status': (project) => executions.byProjectAndStatus(project, 'queued'),
  principal: executions.byPrincipal,
};

const FIXED = [
  KEYS.projector,
  KEYS.lease,
  executions.all(),
  ...TASK_STATUSES.map((status) => executions.byStatus(status)),
];

function beginningOf(family: (name: string) => string): string {
  return family('\0').split('\0')[0] as string;
}

describe('keys', () => {
  test.for(Object.entries(FAMILIES))(
    'of the family %s begin as no other key does, whatever bots call things',
    ([name, family]) => {
      const others = Object.entries(FAMILIES)
        .filter(([other]) => other !== name)
        .map(([, other]) => beginningOf(other));
      for (const other of [...others, ...FIXED]) {
        expect(other.startsWith(beginningOf(family)), other).toBe(false);
      }
    },
  );

  test('of one project and different statuses are different', () => {
    const keys = TASK_STATUSES.map((status) => executions.byProjectAndStatus('a/b', status));
    expect(new Set(keys).size).toBe(TASK_STATUSES.length);
    // A status holds no colon, so the last part tells where the project ends.
    expect(TASK_STATUSES.join('')).not.toContain(':');
  });

  test('that are fixed are different', () => {
    expect(new Set(FIXED).size).toBe(FIXED.length);
  });

  test('of the read model begin with task-tracking:, as whoever rebuilds it relies on', () => {
    for (const key of [...FIXED, ...Object.values(FAMILIES).map(beginningOf)]) {
      expect(key).toMatch(/^task-tracking:/);
    }
    expect([KEYS.events, KEYS.quarantine, KEYS.updates]).toEqual([
      'task-events:v1',
      'task-events:v1:quarantine',
      'task-updates:v1',
    ]);
  });
});
