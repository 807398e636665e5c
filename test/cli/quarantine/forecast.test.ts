import { decodeEntry, encodeEntry, type StreamId, type TaskEvent } from '@tasktrail/contract';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { leaves, Rehearsal, type Turn } from '../../../src/cli/quarantine/forecast.ts';
import { toReplayable } from '../../../src/cli/quarantine/replayable.ts';
import { foldEvent } from '../../../src/projector/fold.ts';
import { decodeQuarantineEntry } from '../../../src/redis/quarantine-entry.ts';
import type { Task } from '../../../src/redis/task-row.ts';
import { anEvent, collidingEntry, ENTRY_ID, idOf } from '../../fixtures/events.ts';

const NEXT_ID = idOf('1795300000000-0');

function turnOf(pairs: readonly string[], stored: Task | undefined, sourceId = '9-0'): Turn {
  const tail = ['reason', 'invalid_value', 'field', '', 'detail', '', 'sourceId', sourceId];
  const texts = [...pairs, ...tail].map((text) => Buffer.from(text));
  const entry = decodeQuarantineEntry(idOf('10-0'), texts);
  const replayable = toReplayable(entry, new Map(), NEXT_ID);
  return { entry, replayable, stored, replayedAs: undefined };
}

function taskAfter(...events: readonly TaskEvent[]): Task {
  let task: Task | undefined;
  for (const event of events) {
    const outcome = foldEvent(task, ENTRY_ID, event);
    if (outcome.kind !== 'applied') throw new Error(`is ${outcome.kind}`);
    task = outcome.task;
  }
  return task as Task;
}

function forecast(task: Task | undefined, event: TaskEvent) {
  return new Rehearsal().forecast(turnOf(encodeEntry(event), task), NEXT_ID);
}

const at = (second: number) => `2026-11-20T12:00:0${second}.000Z`;

describe('an event that is older than its task', () => {
  const task = taskAfter(
    anEvent({ status: 'in_progress', occurredAt: at(5), message: 'half', flow: 'ci' }),
  );
  const late = (fields: Partial<TaskEvent>) =>
    anEvent({ status: 'in_progress', occurredAt: at(4), ...fields });

  test.for<[what: string, fields: Partial<TaskEvent>, overwrites: string[]]>([
    ['another status', { status: 'queued' }, ['status']],
    ['another message', { message: 'begun' }, ['message']],
    ['a message that it clears', { message: null }, ['message']],
    ['both', { message: 'begun', status: 'error' }, ['status', 'message']],
    ['a flow besides the same status', { flow: 'release' }, ['flow']],
  ])('overwrites %s', ([, fields, overwrites]) => {
    expect(forecast(task, late(fields))).toMatchObject({ kind: 'older', overwrites });
  });

  test.for<[what: string, fields: Partial<TaskEvent>]>([
    ['says the same', { message: 'half' }],
    ['gives the first name', { taskName: 'Build' }],
    ['gives the first links', { prLinks: ['https://example.com/1'] }],
    ['names who is responsible', { visibility: { responsibleUsers: ['slack:U1'] } }],
    ['names the creator', { actor: { provider: 'slack', id: 'U1' } }],
    ['clears what is clear', { actor: null, taskName: null }],
    ['begins a later attempt', { status: 'queued', attempt: 2 }],
    ['is of the same time', { status: 'queued', occurredAt: at(5) }],
  ])('overwrites nothing where it %s', ([, fields]) => {
    expect(forecast(task, late(fields)).kind).toBe('applied');
  });

  test('leaves only by force', () => {
    const older = forecast(task, late({ status: 'queued' }));
    expect([leaves(older, false), leaves(older, true)]).toEqual([false, true]);
  });
});

describe('what was replayed', () => {
  test('counts until the stored task is as late', () => {
    const rehearsal = new Rehearsal();
    const first = turnOf(encodeEntry(anEvent({ status: 'queued' })), undefined);
    rehearsal.replay(first, idOf('1795300000000-5'));
    const next = encodeEntry(anEvent({ status: 'success', occurredAt: at(9) }));
    const seen = (lastEventId: string) => {
      const event = anEvent({ status: 'in_progress' });
      const stored = { ...taskAfter(event), lastEventId: idOf(lastEventId) };
      return rehearsal.forecast(turnOf(next, stored, '11-0'), NEXT_ID);
    };
    // As texts the other way round.
    expect(seen('1795300000000-4')).toMatchObject({ from: 'queued' });
    expect(seen('1795300000000-5')).toMatchObject({ from: 'in_progress' });
    expect(seen('1795300000000-10')).toMatchObject({ from: 'in_progress' });
  });

  test('is not replayed again from a copy', () => {
    const rehearsal = new Rehearsal();
    const turn = turnOf(encodeEntry(anEvent()), undefined);
    rehearsal.replay(turn, NEXT_ID);
    expect(rehearsal.forecast(turn, NEXT_ID).kind).toBe('replayed_before');
  });
});

test('LAW: entries in sequence become what the projector makes of them in sequence', () => {
  fc.assert(
    fc.property(fc.array(collidingEntry, { maxLength: 30 }), (entries) => {
      const rehearsal = new Rehearsal();
      const tasks = new Map<string, Task>();
      entries.forEach((pairs, place) => {
        const id = idOf(`1795300000000-${place}`);
        const turn = turnOf(pairs, undefined, `9-${place + 1}`);
        const foreseen = rehearsal.forecast(turn, id);
        if (leaves(foreseen, true)) rehearsal.replay(turn, id);
        const outcome = project(tasks, id, pairs);
        const kind = foreseen.kind === 'older' ? 'applied' : foreseen.kind;
        expect(kind).toBe(outcome);
      });
    }),
  );
});

function project(tasks: Map<string, Task>, id: StreamId, pairs: readonly string[]): string {
  const decoded = decodeEntry(id, pairs);
  if (decoded.kind === 'invalid') return 'invalid';
  const { executionId } = decoded.event;
  const outcome = foldEvent(tasks.get(executionId), id, decoded.event);
  if (outcome.kind === 'applied') tasks.set(executionId, outcome.task);
  return outcome.kind;
}
