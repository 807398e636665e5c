import { TASK_STATUSES } from '@tasktrail/contract';
import { describe, expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';

const { execution, executions, intake } = KEYS;

type Families = Readonly<Record<string, (name: string) => string>>;

/** Families of keys: what bots name comes after a beginning that is the family's own. */
const READ_MODEL_FAMILIES: Families = {
  execution,
  project: executions.byProject,
  'project and status': (project) => executions.byProjectAndStatus(project, 'queued'),
  principal: executions.byPrincipal,
};

const INTAKE_FAMILIES: Families = {
  record: intake.record,
  'project of an execution': intake.projectOf,
  commit: (commit) => intake.executionsOf('github', 'a/b', commit),
  // As the counter of requests puts names behind it.
  rate: (name) => `${intake.rate}:${name}`,
};

const FAMILIES: Families = { ...READ_MODEL_FAMILIES, ...INTAKE_FAMILIES };

const FIXED = [
  KEYS.projector,
  KEYS.lease,
  KEYS.repair,
  executions.all(),
  ...TASK_STATUSES.map((status) => executions.byStatus(status)),
];

const STREAMS = [KEYS.events, KEYS.quarantine, KEYS.updates];

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
      for (const other of [...others, ...FIXED, ...STREAMS]) {
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

  test('of one commit are different for its executions, its pull requests, each project and forge', () => {
    // Neither forge nor commit holds a colon, so what is behind them tells where the project begins.
    const projects = ['a/b', 'a/b:executions', 'a/b:pull-requests', 'a/b/c'];
    const keys = projects.flatMap((project) =>
      ['github', 'gitea'].flatMap((forge) => [
        intake.executionsOf(forge, project, 'c0ffee'),
        intake.pullRequestsOf(forge, project, 'c0ffee'),
      ]),
    );
    expect(new Set(keys).size).toBe(keys.length);
    for (const key of keys) expect(key).toMatch(/^task-intake:commit:(github|gitea):c0ffee:/);
  });

  test('that are fixed are different', () => {
    expect(new Set(FIXED).size).toBe(FIXED.length);
  });

  test('of the read model begin with task-tracking:, as whoever rebuilds it relies on', () => {
    for (const key of [...FIXED, ...Object.values(READ_MODEL_FAMILIES).map(beginningOf)]) {
      expect(key).toMatch(/^task-tracking:/);
    }
    expect(STREAMS).toEqual(['task-events:v1', 'task-events:v1:quarantine', 'task-updates:v1']);
  });

  test('of the read model are told from all others by their names', () => {
    const { parse } = KEYS.readModel;
    for (const id of ['run-1', 'a:executions', 'executions', 'execution:x']) {
      expect(parse(execution(id))).toEqual({ kind: 'row', executionId: id });
    }
    const sets = [executions.all(), ...TASK_STATUSES.map((status) => executions.byStatus(status))];
    sets.push(executions.byProject('a/b:c'), executions.byProjectAndStatus('a/b', 'error'));
    sets.push(executions.byPrincipal('slack:a\nb'));
    for (const key of sets) expect(parse(key)).toEqual({ kind: 'executions', key });
    for (const key of [KEYS.projector, KEYS.lease, KEYS.repair, ...STREAMS]) {
      expect(parse(key)).toBeUndefined();
    }
  });

  test('of intake begin with task-intake:, so that a rebuild leaves them', () => {
    for (const beginning of Object.values(INTAKE_FAMILIES).map(beginningOf)) {
      expect(beginning).toMatch(/^task-intake:/);
    }
  });
});
