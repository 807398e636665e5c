import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Outbox, type OutboxEvent } from '../../packages/producer/src/outbox.ts';

interface TestEvent extends OutboxEvent {
  readonly eventId: number;
}

const LIMITS = { maxEvents: 1000, maxBytes: 1e6, maxBatchEvents: 4, maxBatchBytes: 100 };

let lastEventId = 0;
function event(executionId: string, bytes = 10): TestEvent {
  lastEventId += 1;
  return { executionId, bytes, eventId: lastEventId };
}

function outboxOf(...events: readonly TestEvent[]): Outbox<TestEvent> {
  const outbox = new Outbox<TestEvent>(LIMITS);
  for (const each of events) outbox.add(each);
  return outbox;
}

describe('a batch', () => {
  test('is empty when nothing waits', () => {
    expect(outboxOf().nextBatch()).toEqual([]);
  });

  test('holds the oldest event of each execution, and no second one', () => {
    const [a1, a2, b1] = [event('a'), event('a'), event('b')];
    expect(outboxOf(a1, a2, b1).nextBatch()).toEqual([a1, b1]);
  });

  test('is the same until something is settled', () => {
    const outbox = outboxOf(event('a'), event('a'), event('b'));
    expect(outbox.nextBatch()).toEqual(outbox.nextBatch());
  });

  test('is bounded by count', () => {
    const outbox = outboxOf(...['a', 'b', 'c', 'd', 'e'].map((id) => event(id)));
    expect(outbox.nextBatch()).toHaveLength(4);
  });

  test('is bounded by bytes, but holds at least one event', () => {
    expect(outboxOf(event('a', 60), event('b', 60)).nextBatch()).toHaveLength(1);
    expect(outboxOf(event('a', 500), event('b', 1)).nextBatch()).toHaveLength(1);
  });

  test('starts with those that did not fit into the one before', () => {
    const first = ['a', 'b', 'c', 'd'].flatMap((id) => [event(id), event(id)]);
    const late = event('e');
    const outbox = outboxOf(...first, late);
    for (const sent of outbox.nextBatch()) outbox.settle(sent);
    expect(outbox.nextBatch()[0]).toBe(late);
  });
});

describe('the limit', () => {
  test('of events is reached at that many, and left again when one is settled', () => {
    const outbox = new Outbox<TestEvent>({ ...LIMITS, maxEvents: 2 });
    const first = event('a');
    outbox.add(first);
    expect(outbox.limitFor(1)).toBeUndefined();
    outbox.add(event('a'));
    expect(outbox.limitFor(1)).toBe('events');
    outbox.settle(first);
    expect(outbox.limitFor(1)).toBeUndefined();
  });

  test('of bytes counts what would be added, and never keeps out the only event', () => {
    const outbox = new Outbox<TestEvent>({ ...LIMITS, maxBytes: 100 });
    expect(outbox.limitFor(500)).toBeUndefined();
    outbox.add(event('a', 90));
    expect(outbox.limitFor(10)).toBeUndefined();
    expect(outbox.limitFor(11)).toBe('bytes');
  });
});

test('draining gives everything back in order and leaves nothing', () => {
  const events = [event('a'), event('a'), event('b')];
  const outbox = outboxOf(...events);
  expect(outbox.drain()).toEqual(events);
  expect(outbox).toMatchObject({ size: 0 });
  expect(outbox.nextBatch()).toEqual([]);
  expect(outbox.limitFor(1e9)).toBeUndefined();
});

/** What became of an event that was sent, and whether the producer came to know. */
const outcome = fc.constantFrom('confirmed', 'reply lost', 'not executed', 'refused');

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ append: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f') }) },
  { weight: 2, arbitrary: fc.record({ send: fc.array(outcome, { minLength: 4, maxLength: 4 }) }) },
);

/** An event is a duplicate when its id is among the last 8 applied. (PROTOCOL.md, "The event") */
function apply(applied: number[], eventId: number): void {
  if (!applied.slice(-8).includes(eventId)) applied.push(eventId);
}

test('whatever is lost, each execution has its events applied once and in order', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 200 }),
      // Events that another producer states about the same executions, after each of ours.
      fc.integer({ min: 0, max: 3 }),
      (steps, foreignEvents) => {
        const outbox = new Outbox<TestEvent>(LIMITS);
        const expected = new Map<string, number[]>();
        const applied = new Map<string, number[]>();

        const append = (executionId: string) => {
          const added = event(executionId);
          outbox.add(added);
          expected.set(executionId, [...(expected.get(executionId) ?? []), added.eventId]);
        };
        const execute = ({ executionId, eventId }: TestEvent) => {
          const list = applied.get(executionId) ?? [];
          apply(list, eventId);
          applied.set(executionId, list);
        };
        const send = (outcomes: readonly string[]) => {
          const batch = outbox.nextBatch();
          expect(new Set(batch.map((e) => e.executionId)).size).toBe(batch.length);
          expect(batch.length).toBeLessThanOrEqual(LIMITS.maxBatchEvents);
          for (const [index, sent] of batch.entries()) {
            const what = outcomes[index] ?? 'confirmed';
            if (what === 'confirmed' || what === 'reply lost') execute(sent);
            if (what === 'confirmed' || what === 'refused') outbox.settle(sent);
            if (what === 'refused') {
              const list = expected.get(sent.executionId) ?? [];
              // It may have got in before, when the reply was lost.
              if (!applied.get(sent.executionId)?.includes(sent.eventId)) {
                expected.set(
                  sent.executionId,
                  list.filter((id) => id !== sent.eventId),
                );
              }
            }
          }
        };

        for (const each of steps) {
          if ('append' in each) append(each.append);
          else {
            send(each.send);
            for (const [executionId, list] of applied) {
              if (list.length === 0) continue;
              for (let i = 0; i < foreignEvents; i += 1) {
                // Foreign ids are negative, and only where the window has room for all of them.
                if (list.slice(-6).some((id) => id > 0)) list.push(-event(executionId).eventId);
              }
            }
          }
        }
        let rounds = 0;
        while (outbox.size > 0) {
          send([]);
          rounds += 1;
          expect(rounds).toBeLessThanOrEqual(steps.length);
        }
        for (const [executionId, ids] of expected) {
          expect((applied.get(executionId) ?? []).filter((id) => id > 0)).toEqual(ids);
        }
      },
    ),
    { numRuns: 300 },
  );
});
