import {
  type Principal,
  principalOf,
  TASK_STATUSES,
  type TaskItem,
  type TaskStatus,
} from '@tasktrail/contract';
import fc from 'fast-check';
import { audienceOf, type Sight } from '../../src/auth/visibility.ts';
import type { Interest, PlacedChange } from '../../src/hub/hub.ts';
import { idOf } from '../fixtures/events.ts';

/** One step of a history: what an event makes of one task. */
export interface TaskStep {
  readonly task: number;
  readonly status: TaskStatus;
  readonly actor: string | null;
  readonly responsible: readonly Principal[];
}

export const EPOCH = 'e1';
export const PEOPLE = ['slack:U1', 'slack:U2', 'github:ana'] as const;
export const PROJECTS = ['houlak/one', 'houlak/two'] as const;
const TASKS = 5;

/** A step of which only what matters is said. */
export function aStep(step: Partial<TaskStep> = {}): TaskStep {
  return { task: 0, status: 'in_progress', actor: null, responsible: [], ...step };
}

/** The item that a step makes at a place of the history. */
function itemAt(place: number, step: TaskStep): TaskItem {
  const [provider = '', id = ''] = step.actor?.split(':') ?? [];
  const executionId = `run-${step.task}`;
  return {
    executionId,
    taskName: executionId,
    status: step.status,
    project: PROJECTS[step.task % PROJECTS.length] ?? 'houlak/one',
    occurredAt: '2026-11-20T12:00:00.000Z',
    flow: null,
    actor: step.actor === null ? null : { provider, id },
    prLinks: [],
    visibility: { responsibleUsers: [...step.responsible] },
    lastEventId: placeId(place),
    createdAt: '2026-11-20T12:00:00.000Z',
    startedAt: null,
    finishedAt: null,
    attempt: 1,
    message: null,
  };
}

/** Ids of one, two and three digits: as strings they compare otherwise. */
export function placeId(place: number) {
  return idOf(`${place + 8}-0`);
}

/** The changes of a history, each with what its task was before it. */
export function changesOf(
  steps: readonly TaskStep[],
  { epoch = EPOCH, from = 0 } = {},
): PlacedChange[] {
  const tasks = new Map<number, TaskItem>();
  return steps.map((step, index) => {
    const item = itemAt(from + index, step);
    const before = tasks.get(step.task);
    tasks.set(step.task, item);
    return {
      position: { epoch, id: placeId(from + index) },
      change: {
        item,
        previous:
          before === undefined
            ? null
            : { status: before.status, audience: [...audienceOf(before)] },
      },
      audience: audienceOf(item),
    };
  });
}

/** Whether an item passes, said once more and without the code under test. */
export function passes({ filter, sight }: Interest, item: TaskItem): boolean {
  return (
    isVisible(sight, item) &&
    (filter.project === undefined || item.project === filter.project) &&
    (filter.statuses.length === 0 || filter.statuses.includes(item.status))
  );
}

export function isVisible(sight: Sight, { actor, visibility }: TaskItem): boolean {
  if (sight.kind === 'everything') return true;
  const people = [...sight.principals];
  return people.some(
    (person) =>
      visibility.responsibleUsers.includes(person) ||
      (actor !== null && principalOf(actor) === person),
  );
}

const people = fc.constantFrom(...PEOPLE);

export const steps: fc.Arbitrary<TaskStep> = fc.record({
  task: fc.nat(TASKS - 1),
  status: fc.constantFrom(...TASK_STATUSES),
  actor: fc.option(people),
  responsible: fc.uniqueArray(people, { maxLength: 2 }),
});

export const histories = fc
  .array(steps, { maxLength: 30, size: 'max' })
  .map((all) => changesOf(all));

export const interests: fc.Arbitrary<Interest> = fc.record({
  filter: fc.record({
    project: fc.option(fc.constantFrom(...PROJECTS, 'houlak/none'), { nil: undefined }),
    statuses: fc.uniqueArray(fc.constantFrom(...TASK_STATUSES), { maxLength: 3 }),
  }),
  sight: fc.oneof(
    fc.constant<Sight>({ kind: 'everything' }),
    fc
      .uniqueArray(people, { maxLength: 2 })
      .map((principals): Sight => ({ kind: 'own', principals: new Set(principals) })),
  ),
});

export const EVERYTHING: Interest = {
  filter: { project: undefined, statuses: [] },
  sight: { kind: 'everything' },
};
