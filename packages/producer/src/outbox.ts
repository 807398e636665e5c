/** What the outbox has to know of an event. */
export interface OutboxEvent {
  readonly executionId: string;
  readonly bytes: number;
}

export interface OutboxLimits {
  readonly maxEvents: number;
  readonly maxBytes: number;
  readonly maxBatchEvents: number;
  /** A single event may exceed it: a batch holds at least one. */
  readonly maxBatchBytes: number;
}

/**
 * The events that Redis has not confirmed yet, and what of them is sent next. It does no I/O.
 *
 * Events wait in one lane per execution, and a batch takes the head of each lane, which stays where
 * it is until it is settled. So at most one event of an execution is on its way, which makes
 * everything else safe by itself:
 * - No answer to a pipeline can reorder an execution: an event that must be sent again never has a
 *   later one of the same execution beside it that got through.
 * - To retry is to take the next batch; there is no state to put back.
 * - Where events are applied, a second copy is recognised among the last 8 event ids of its
 *   execution. (PROTOCOL.md, "The event") A copy is sent before any later event of that execution,
 *   so its first one is still among them, even when other producers add some in between.
 * An execution with many events waiting takes a round trip for each, and holds up nobody else.
 */
export class Outbox<E extends OutboxEvent> {
  readonly #limits: OutboxLimits;
  /** In the order in which their turn comes. No lane is empty. */
  readonly #lanes = new Map<string, E[]>();
  #events = 0;
  #bytes = 0;

  constructor(limits: OutboxLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#events;
  }

  /** Which limit an event of this size would break; undefined when it may be added. */
  limitFor(bytes: number): 'events' | 'bytes' | undefined {
    if (this.#events === 0) return undefined;
    if (this.#events >= this.#limits.maxEvents) return 'events';
    return this.#bytes + bytes > this.#limits.maxBytes ? 'bytes' : undefined;
  }

  add(event: E): void {
    const lane = this.#lanes.get(event.executionId);
    if (lane === undefined) this.#lanes.set(event.executionId, [event]);
    else lane.push(event);
    this.#events += 1;
    this.#bytes += event.bytes;
  }

  /** What to send next; empty when nothing waits. The same again until something is settled. */
  nextBatch(): E[] {
    const { maxBatchEvents, maxBatchBytes } = this.#limits;
    const batch: E[] = [];
    let bytes = 0;
    for (const [head] of this.#lanes.values()) {
      if (head === undefined) continue;
      bytes += head.bytes;
      if (batch.length > 0 && bytes > maxBatchBytes) break;
      batch.push(head);
      if (batch.length >= maxBatchEvents) break;
    }
    return batch;
  }

  /** Forgets an event of the last batch, which was appended or refused for good. */
  settle(event: E): void {
    const lane = this.#lanes.get(event.executionId);
    if (lane?.[0] !== event) return;
    lane.shift();
    this.#lanes.delete(event.executionId);
    // At the end, so that lanes which did not fit into the batch have their turn first.
    if (lane.length > 0) this.#lanes.set(event.executionId, lane);
    this.#events -= 1;
    this.#bytes -= event.bytes;
  }

  /** All waiting events; those of one execution in order. */
  waiting(): E[] {
    return [...this.#lanes.values()].flat();
  }

  /** Forgets all waiting events, and gives them back. */
  drain(): E[] {
    const events = this.waiting();
    this.#lanes.clear();
    this.#events = 0;
    this.#bytes = 0;
    return events;
  }
}
