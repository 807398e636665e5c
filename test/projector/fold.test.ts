import type { StreamId, TaskEvent } from '@tasktrail/contract';
import { describe, expect, test } from 'vitest';
import { type FoldOutcome, foldEvent } from '../../src/projector/fold.ts';
import type { Task } from '../../src/redis/task-row.ts';
import { anEvent, idOf } from '../fixtures/events.ts';

const T1 = '2026-11-20T12:00:01.000Z';
const T2 = '2026-11-20T12:00:02.000Z';
const T3 = '2026-11-20T12:00:03.000Z';

function nthId(n: number): StreamId {
  return idOf(`1795211160000-${n}`);
}

/** An event that says nothing but these fields. */
function saying(fields: Partial<TaskEvent>): TaskEvent {
  return { executionId: 'run-1', occurredAt: T2, ...fields };
}

function outcomesOf(events: readonly TaskEvent[]): { outcomes: FoldOutcome[]; task?: Task } {
  let task: Task | undefined;
  const outcomes = events.map((event, i) => {
    const outcome = foldEvent(task, nthId(i), event);
    if (outcome.kind === 'applied') task = outcome.task;
    return outcome;
  });
  return { outcomes, ...(task === undefined ? {} : { task }) };
}

function taskAfter(...events: TaskEvent[]): Task {
  const { task } = outcomesOf(events);
  if (task === undefined) throw new Error('none of the events was applied');
  return task;
}

function kindsOf(...events: TaskEvent[]): string[] {
  return outcomesOf(events).outcomes.map(({ kind }) => kind);
}

describe('the first event', () => {
  test('makes a task of what it says, with defaults for the rest', () => {
    expect(foldEvent(undefined, nthId(7), anEvent({ occurredAt: T1 }))).toEqual({
      kind: 'applied',
      task: {
        executionId: 'run-1',
        taskName: 'run-1',
        status: 'queued',
        project: 'owner/repo',
        occurredAt: T1,
        flow: null,
        actor: null,
        prLinks: [],
        visibility: { responsibleUsers: [] },
        lastEventId: nthId(7),
        createdAt: T1,
        startedAt: null,
        finishedAt: null,
        attempt: 1,
        message: null,
        recentEventIds: [],
      },
    });
  });

  test('may be of any attempt and status', () => {
    expect(taskAfter(anEvent({ occurredAt: T1, attempt: 3, status: 'error' }))).toMatchObject({
      attempt: 3,
      status: 'error',
      startedAt: null,
      finishedAt: T1,
    });
  });

  test.for(['project', 'status'] as const)('needs a %s', (field) => {
    const { [field]: _, ...rest } = anEvent();
    expect(foldEvent(undefined, nthId(0), rest)).toEqual({
      kind: 'invalid',
      problem: { reason: 'missing_field', field, detail: expect.stringContaining('first event') },
    });
  });
});

describe('an applied event', () => {
  const full = anEvent({
    occurredAt: T1,
    status: 'in_progress',
    taskName: 'Build',
    flow: 'release',
    actor: { provider: 'slack', id: 'U1' },
    prLinks: ['https://example.com/1'],
    visibility: { responsibleUsers: ['github:ana'] },
    message: 'compiling',
    attempt: 2,
    eventId: 'e1',
  });

  test('leaves what it does not name', () => {
    const task = taskAfter(full);
    expect(taskAfter(full, saying({}))).toEqual({ ...task, occurredAt: T2, lastEventId: nthId(1) });
  });

  test('replaces what it names', () => {
    const fields = {
      taskName: 'Test',
      flow: 'nightly',
      actor: { provider: 'github', id: 'ana' },
      prLinks: ['https://example.com/2'],
      visibility: { responsibleUsers: ['slack:U2'] },
      message: 'testing',
    };
    expect(taskAfter(full, saying(fields))).toEqual({
      ...taskAfter(full),
      ...fields,
      occurredAt: T2,
      lastEventId: nthId(1),
    });
  });

  test.for([
    ['taskName', null, 'run-1'],
    ['flow', null, null],
    ['actor', null, null],
    ['prLinks', [], []],
    ['visibility', null, { responsibleUsers: [] }],
    ['message', null, null],
  ] as const)('clears %s with %j, to %j', ([field, cleared, value]) => {
    expect(taskAfter(full, saying({ [field]: cleared }))).toEqual({
      ...taskAfter(full),
      [field]: value,
      occurredAt: T2,
      lastEventId: nthId(1),
    });
  });

  test('from the past changes fields, but the task’s time stays the later one', () => {
    const late = saying({ occurredAt: T1, flow: 'late' });
    expect(taskAfter(anEvent({ occurredAt: T3 }), late)).toMatchObject({
      flow: 'late',
      occurredAt: T3,
      createdAt: T3,
      lastEventId: nthId(1),
    });
  });

  test('may name the project again, and no other one', () => {
    expect(kindsOf(full, saying({ project: 'owner/repo' }))).toEqual(['applied', 'applied']);
    const { outcomes } = outcomesOf([full, saying({ project: 'owner/Repo' })]);
    expect(outcomes[1]).toEqual({
      kind: 'invalid',
      problem: {
        reason: 'project_changed',
        field: 'project',
        detail: expect.stringContaining('owner/repo'),
      },
    });
  });

  test('contradicts with another project, also when it is stale or of an attempt to come', () => {
    const ended = anEvent({ occurredAt: T3, status: 'success', attempt: 2 });
    for (const attempt of [1, 2, 3]) {
      const other = saying({ project: 'other/repo', status: 'queued', attempt });
      expect(kindsOf(ended, other)).toEqual(['applied', 'invalid']);
    }
  });

  test('starts the attempt when it is the first that is in progress, and no later one does', () => {
    const running = saying({ status: 'in_progress', occurredAt: T2 });
    const again = saying({ status: 'in_progress', occurredAt: T1 });
    expect(taskAfter(anEvent({ occurredAt: T1 }), running, again).startedAt).toBe(T2);
  });
});

describe('a duplicate', () => {
  const named = (eventId: string) => saying({ eventId, flow: `said by ${eventId}` });

  test('is an event id that was applied before, whatever else it says', () => {
    const events = [anEvent({ eventId: 'e1' }), saying({ eventId: 'e1', status: 'error' })];
    expect(kindsOf(...events)).toEqual(['applied', 'duplicate']);
  });

  test('is known among the last 8 event ids applied, and not beyond', () => {
    const others = (count: number) => Array.from({ length: count }, (_, i) => named(`other-${i}`));
    const first = anEvent({ eventId: 'e1' });
    expect(kindsOf(first, ...others(7), named('e1')).at(-1)).toBe('duplicate');
    expect(kindsOf(first, ...others(8), named('e1')).at(-1)).toBe('applied');
  });

  test('is not forgotten over events that have no id, however many', () => {
    const nameless = Array.from({ length: 20 }, () => saying({}));
    expect(kindsOf(anEvent({ eventId: 'e1' }), ...nameless, named('e1')).at(-1)).toBe('duplicate');
  });

  test('is not pushed out by duplicates and stale events', () => {
    const first = anEvent({ eventId: 'e1', status: 'success', occurredAt: T3 });
    const stale = Array.from({ length: 9 }, (_, i) =>
      saying({ eventId: `stale-${i}`, status: 'error', occurredAt: T1 }),
    );
    const copies = Array.from({ length: 9 }, () => named('e1'));
    expect(kindsOf(first, ...stale, ...copies, named('e1')).at(-1)).toBe('duplicate');
  });

  test('is known across attempts', () => {
    const rerun = saying({ status: 'queued', attempt: 2 });
    expect(kindsOf(anEvent({ eventId: 'e1' }), rerun, named('e1')).at(-1)).toBe('duplicate');
  });

  test('of an event that was stale is not known, since that one was not applied', () => {
    const ended = anEvent({ status: 'success', occurredAt: T2 });
    const late = saying({ status: 'in_progress', occurredAt: T1, eventId: 'late' });
    const reopened = saying({ status: 'queued', occurredAt: T3 });
    const kinds = kindsOf(ended, late, late, reopened, late);
    expect(kinds).toEqual(['applied', 'stale', 'stale', 'applied', 'applied']);
  });
});

describe('a higher attempt', () => {
  const ended = anEvent({
    occurredAt: T1,
    status: 'error',
    message: 'out of memory',
    taskName: 'Build',
    eventId: 'e1',
  });

  test('starts over: message, start and end are gone, all else stays', () => {
    const running = saying({ status: 'in_progress', occurredAt: T1 });
    const before = taskAfter(anEvent({ occurredAt: T1 }), running, { ...ended, occurredAt: T2 });
    const after = taskAfter(
      ...[anEvent({ occurredAt: T1 }), running, { ...ended, occurredAt: T2 }],
      saying({ status: 'queued', occurredAt: T3, attempt: 2 }),
    );
    expect(before).toMatchObject({ message: 'out of memory', startedAt: T1, finishedAt: T2 });
    expect(after).toEqual({
      ...before,
      status: 'queued',
      occurredAt: T3,
      lastEventId: nthId(3),
      attempt: 2,
      message: null,
      startedAt: null,
      finishedAt: null,
    });
  });

  test('keeps the message that it brings itself', () => {
    const rerun = saying({ status: 'in_progress', attempt: 2, message: 'again' });
    expect(taskAfter(ended, rerun)).toMatchObject({ message: 'again', startedAt: T2 });
  });

  test('may skip numbers', () => {
    expect(taskAfter(ended, saying({ status: 'queued', attempt: 9 })).attempt).toBe(9);
  });

  test('must carry a status', () => {
    const { outcomes } = outcomesOf([ended, saying({ attempt: 2, message: 'again' })]);
    expect(outcomes[1]).toEqual({
      kind: 'invalid',
      problem: { reason: 'status_required', field: 'status', detail: expect.any(String) },
    });
  });
});
