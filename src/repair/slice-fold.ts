import type { StreamId } from '@tasktrail/contract';
import type { EventEntry } from '../projector/event-reader.ts';
import { foldEvent } from '../projector/fold.ts';
import { decodeBatch } from '../projector/plan.ts';
import type { Task } from '../redis/task-row.ts';
import { halfOf, isInSlice, type Slice } from './slice.ts';

/** What an event made of a task. */
export interface Applied {
  readonly id: StreamId;
  readonly before: Task | undefined;
  readonly task: Task;
}

/**
 * The tasks of a slice as the events make them, in memory. While it is filled it gives up half of
 * its slice whenever it has grown past its bound, so that memory is bounded however many executions
 * there are, and without knowing that number first.
 */
export class SliceFold {
  readonly #maxBytes: number;
  readonly #tasks = new Map<string, Task>();
  #slice: Slice;
  #bytes = 0;

  /** @param maxBytes about how much the tasks may take; a single one may take more */
  constructor(slice: Slice, maxBytes: number) {
    this.#slice = slice;
    this.#maxBytes = maxBytes;
  }

  get slice(): Slice {
    return this.#slice;
  }

  get size(): number {
    return this.#tasks.size;
  }

  get(executionId: string): Task | undefined {
    return this.#tasks.get(executionId);
  }

  values(): IterableIterator<Task> {
    return this.#tasks.values();
  }

  /** Folds entries that come before all that is compared: giving up executions is still possible. */
  fill(entries: readonly EventEntry[], onApplied: (applied: Applied) => void): void {
    this.fold(entries, onApplied);
    while (this.#bytes > this.#maxBytes && this.#slice.to - this.#slice.from > 1) {
      this.#slice = halfOf(this.#slice);
      for (const [executionId, task] of this.#tasks) {
        if (isInSlice(this.#slice, executionId)) continue;
        this.#tasks.delete(executionId);
        this.#bytes -= bytesOf(task);
      }
    }
  }

  /** Folds the next entries. Others than the slice's are left without being decoded. */
  fold(entries: readonly EventEntry[], onApplied: (applied: Applied) => void): void {
    const own = entries.filter((entry) => this.#isOwn(entry));
    for (const { id, decoded } of decodeBatch(own)) {
      if (decoded.kind === 'invalid') continue;
      const { event } = decoded;
      const before = this.#tasks.get(event.executionId);
      const outcome = foldEvent(before, id, event);
      if (outcome.kind !== 'applied') continue;
      const { task } = outcome;
      this.#tasks.set(event.executionId, task);
      this.#bytes += bytesOf(task) - (before === undefined ? 0 : bytesOf(before));
      onApplied({ id, before, task });
    }
  }

  #isOwn(entry: EventEntry): boolean {
    const executionId = executionIdIn(entry);
    return executionId !== undefined && isInSlice(this.#slice, executionId);
  }
}

/** The execution that an entry names, valid or not; undefined where it names none. */
export function executionIdIn({ pairs }: EventEntry): string | undefined {
  // Of a repeated field the last counts.
  for (let i = pairs.length - 2; i >= 0; i -= 2) {
    if (pairs[i] === 'executionId') return pairs[i + 1];
  }
  return undefined;
}

/** What a task takes besides its texts, and each text besides its characters; measured. */
const TASK_BYTES = 900;
const TEXT_BYTES = 32;

/** About what a task takes in memory. */
function bytesOf(task: Task): number {
  const { prLinks, visibility, recentEventIds } = task;
  let bytes = TASK_BYTES + task.taskName.length + task.executionId.length;
  bytes += (task.message?.length ?? 0) + (task.flow?.length ?? 0);
  for (const text of [...prLinks, ...visibility.responsibleUsers, ...recentEventIds]) {
    bytes += TEXT_BYTES + text.length;
  }
  return bytes;
}
