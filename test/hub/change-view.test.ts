import type { TaskItem } from '@tasktrail/contract';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ChangeView, viewChange } from '../../src/hub/change-view.ts';
import type { Interest, PlacedChange } from '../../src/hub/hub.ts';
import {
  aStep,
  changesOf,
  histories,
  interests,
  isVisible,
  PROJECTS,
  passes,
  type TaskStep,
} from './histories.ts';

/** Ana's own tasks of one project that are in progress. */
const ANA: Interest = {
  filter: { project: PROJECTS[0], statuses: ['in_progress'] },
  sight: { kind: 'own', principals: new Set(['slack:U1']) },
};

/** What a task can be for a viewer. */
const TASKS = {
  passing: aStep({ actor: 'slack:U1' }),
  'passing as responsible': aStep({ actor: 'slack:U2', responsible: ['slack:U1'] }),
  'of another status': aStep({ actor: 'slack:U1', status: 'success' }),
  'of somebody else': aStep({ actor: 'slack:U2' }),
  'of nobody': aStep(),
  'of another status and of somebody else': aStep({ actor: 'slack:U2', status: 'success' }),
} satisfies Record<string, TaskStep>;

type Name = keyof typeof TASKS;

const PASSING: readonly Name[] = ['passing', 'passing as responsible'];
const VISIBLE: readonly Name[] = [...PASSING, 'of another status'];
const NAMES = Object.keys(TASKS) as Name[];

describe('what a viewer is told of a task that was, and becomes', () => {
  const pairs = ['new', ...NAMES].flatMap((before) =>
    NAMES.map((after): [string, Name] => [before, after]),
  );

  test.each(pairs)('%s, %s', (before, after) => {
    const steps = before === 'new' ? [TASKS[after]] : [TASKS[before as Name], TASKS[after]];
    const passedBefore = PASSING.includes(before as Name);
    const expected: ChangeView = PASSING.includes(after)
      ? { kind: 'updated', previousStatus: passedBefore ? 'in_progress' : null }
      : !passedBefore
        ? { kind: 'nothing' }
        : { kind: 'removed', reason: VISIBLE.includes(after) ? 'filtered' : 'not_visible' };
    expect(viewChange(lastOf(steps), ANA)).toEqual(expected);
  });

  test.each(pairs)('%s, %s, in another project: nothing', (before, after) => {
    const steps = before === 'new' ? [TASKS[after]] : [TASKS[before as Name], TASKS[after]];
    const elsewhere = steps.map((step) => ({ ...step, task: 1 }));
    expect(viewChange(lastOf(elsewhere), ANA)).toEqual({ kind: 'nothing' });
  });
});

test('INV5: a client that applies what it is told holds exactly what passes, after every change', () => {
  fc.assert(
    fc.property(histories, interests, fc.nat(), (history, interest, joint) => {
      const joinedAt = joint % (history.length + 1);
      const all = new Map<string, TaskItem>();
      for (const { change } of history.slice(0, joinedAt)) {
        all.set(change.item.executionId, change.item);
      }
      const client = filtered(all, interest);
      for (const placed of history.slice(joinedAt)) {
        const { item } = placed.change;
        all.set(item.executionId, item);
        take(client, placed, interest);
        expect(client).toEqual(filtered(all, interest));
      }
    }),
    { numRuns: 500 },
  );
});

/** Applies a view as a dashboard does, and checks what else it says. */
function take(client: Map<string, TaskItem>, placed: PlacedChange, interest: Interest): void {
  const { item } = placed.change;
  const held = client.get(item.executionId);
  const view = viewChange(placed, interest);
  switch (view.kind) {
    case 'updated':
      expect(view.previousStatus).toBe(held?.status ?? null);
      client.set(item.executionId, item);
      break;
    case 'removed':
      expect(held).toBeDefined();
      expect(view.reason).toBe(isVisible(interest.sight, item) ? 'filtered' : 'not_visible');
      client.delete(item.executionId);
      break;
    case 'nothing':
      expect(held).toBeUndefined();
      break;
  }
}

function filtered(all: ReadonlyMap<string, TaskItem>, interest: Interest): Map<string, TaskItem> {
  return new Map([...all].filter(([, item]) => passes(interest, item)));
}

function lastOf(steps: readonly TaskStep[]): PlacedChange {
  const change = changesOf(steps).at(-1);
  if (change === undefined) throw new Error('there is no step');
  return change;
}
