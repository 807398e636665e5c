import { decodeEntry, isTerminal, type StreamId, type TaskEvent } from '@tasktrail/contract';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FoldOutcome, foldEvent } from '../../src/projector/fold.ts';
import type { Task } from '../../src/redis/task-row.ts';
import { collidingEntry, idOf } from '../fixtures/events.ts';

/** One step of a fold: the task before, the event, and what became of it. */
interface Step {
  readonly before: Task | undefined;
  readonly id: StreamId;
  readonly event: TaskEvent;
  readonly outcome: FoldOutcome;
}

/** Events of one execution that meet often. */
const events: fc.Arbitrary<TaskEvent[]> = fc
  .array(collidingEntry, { minLength: 1, maxLength: 40, size: 'max' })
  .map((entries) =>
    entries.flatMap((pairs, i) => {
      const decoded = decodeEntry(nthId(i), [...pairs, 'executionId', 'run-1']);
      return decoded.kind === 'event' ? [decoded.event] : [];
    }),
  );

function nthId(n: number): StreamId {
  return idOf(`${1_795_211_160_000 + n}-0`);
}

function foldAll(stream: readonly TaskEvent[]): Step[] {
  let task: Task | undefined;
  return stream.map((event, i) => {
    const before = task;
    const outcome = foldEvent(before, nthId(i), event);
    if (outcome.kind === 'applied') task = outcome.task;
    return { before, id: nthId(i), event, outcome };
  });
}

function appliedTasks(steps: readonly Step[]): Task[] {
  return steps.flatMap(({ outcome }) => (outcome.kind === 'applied' ? [outcome.task] : []));
}

/** The task at the end, but for the ids, which differ between streams of different length. */
function finalTask(stream: readonly TaskEvent[]): Omit<Task, 'lastEventId'> | undefined {
  const task = appliedTasks(foldAll(stream)).at(-1);
  if (task === undefined) return undefined;
  const { lastEventId: _, ...rest } = task;
  return rest;
}

function law(name: string, holds: (steps: Step[]) => void): void {
  test(name, () => {
    fc.assert(
      fc.property(events, (stream) => holds(foldAll(stream))),
      { numRuns: 500 },
    );
  });
}

describe('whatever the events', () => {
  law('the same ones give the same tasks', (steps) => {
    expect(foldAll(steps.map(({ event }) => event))).toEqual(steps);
  });

  law('neither task nor event is changed in place', (steps) => {
    const frozen = steps.map(({ event }) => deepFreeze(structuredClone(event)));
    let task: Task | undefined;
    frozen.forEach((event, i) => {
      const outcome = foldEvent(task, nthId(i), event);
      expect(outcome).toEqual(steps[i]?.outcome);
      if (outcome.kind === 'applied') task = deepFreeze(outcome.task);
    });
  });

  law('createdAt, project and executionId stay what the first applied event said', (steps) => {
    const [first, ...others] = appliedTasks(steps);
    for (const task of others) {
      expect(task.createdAt).toBe(first?.createdAt);
      expect(task.project).toBe(first?.project);
      expect(task.executionId).toBe(first?.executionId);
    }
  });

  law('finishedAt is null if and only if the status is not terminal', (steps) => {
    for (const { finishedAt, status } of appliedTasks(steps)) {
      expect(finishedAt === null).toBe(!isTerminal(status));
    }
  });

  law('a task that is in progress has started', (steps) => {
    for (const { startedAt, status } of appliedTasks(steps)) {
      if (status === 'in_progress') expect(startedAt).not.toBeNull();
    }
  });

  law('lastEventId is the id of the event that was applied last', (steps) => {
    for (const { id, outcome } of steps) {
      if (outcome.kind === 'applied') expect(outcome.task.lastEventId).toBe(id);
    }
  });

  law('occurredAt is the latest time of the applied events, and so never goes back', (steps) => {
    const times: string[] = [];
    for (const { event, outcome } of steps) {
      if (outcome.kind !== 'applied') continue;
      times.push(event.occurredAt);
      expect(outcome.task.occurredAt).toBe([...times].sort().at(-1));
    }
  });

  law('the attempt never goes back', (steps) => {
    for (const { before, outcome } of steps) {
      if (before === undefined || outcome.kind !== 'applied') continue;
      expect(outcome.task.attempt).toBeGreaterThanOrEqual(before.attempt);
    }
  });

  law('the ids of the last 8 applied events that had one are remembered, in order', (steps) => {
    const ids: string[] = [];
    for (const { event, outcome } of steps) {
      if (outcome.kind !== 'applied') continue;
      if (event.eventId !== undefined) ids.push(event.eventId);
      expect(outcome.task.recentEventIds).toEqual(ids.slice(-8));
    }
  });

  law(
    'only an event that names a new attempt or the first event can lack what is needed',
    (steps) => {
      for (const { before, event, outcome } of steps) {
        if (outcome.kind !== 'invalid') continue;
        const { reason } = outcome.problem;
        if (reason === 'missing_field') expect(before).toBeUndefined();
        if (reason === 'status_required')
          expect(event.attempt).toBeGreaterThan(before?.attempt ?? 0);
      }
    },
  );
});

describe('copies of events', () => {
  /** Where copies go: for each event, how many further ones come before its copy. */
  const delays = fc.array(fc.nat({ max: 7 }), { minLength: 40, maxLength: 40 });

  /** Each event with an id of its own, as producers send them. */
  const named = events.map((stream) =>
    stream.map((event, i): TaskEvent => ({ ...event, eventId: `e${i}` })),
  );

  test('sent at once, however often, change nothing', () => {
    fc.assert(
      fc.property(named, fc.array(fc.nat({ max: 3 }), { minLength: 1 }), (stream, counts) => {
        const copied = stream.flatMap((event, i) =>
          Array.from({ length: 1 + (counts[i % counts.length] ?? 0) }, () => event),
        );
        expect(finalTask(copied)).toEqual(finalTask(stream));
      }),
    );
  });

  test('of applied events, each after up to 7 others and in any order, change nothing', () => {
    fc.assert(
      fc.property(named, delays, (stream, waits) => {
        const applied = foldAll(stream)
          .filter(({ outcome }) => outcome.kind === 'applied')
          .map(({ event }) => event);
        const copied = withCopies(applied, waits);
        expect(copied).toHaveLength(2 * applied.length);
        expect(finalTask(copied)).toEqual(finalTask(applied));
      }),
    );
  });

  test('of stale events change nothing while nothing else comes', () => {
    fc.assert(
      fc.property(named, (stream) => {
        for (const { before, id, event, outcome } of foldAll(stream)) {
          if (outcome.kind === 'stale') expect(foldEvent(before, id, event)).toEqual(outcome);
        }
      }),
    );
  });
});

/** The events in order, and of each one a copy after `waits[i]` further originals. */
function withCopies(stream: readonly TaskEvent[], waits: readonly number[]): TaskEvent[] {
  const due = new Map<number, TaskEvent[]>();
  const copied: TaskEvent[] = [];
  stream.forEach((event, i) => {
    copied.push(event);
    const at = Math.min(stream.length - 1, i + (waits[i % waits.length] ?? 0));
    due.set(at, [event, ...(due.get(at) ?? [])]);
    copied.push(...(due.get(i) ?? []));
  });
  return copied;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const part of Object.values(value)) deepFreeze(part);
    Object.freeze(value);
  }
  return value;
}
