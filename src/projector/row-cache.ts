import type { Task } from '../redis/task-row.ts';

/**
 * Rows as this projector left them: what executions in progress are, and need not be read again. In
 * two generations, since most are of executions that end and never come back: a row that is asked for
 * moves to the young one, and once that is full, the old one is dropped as a whole.
 *
 * What it holds is true as long as every commit is checked against it (commit.lua): begin with an
 * empty one after any refusal or failure.
 */
export class RowCache {
  readonly #maxBytes: number;
  #young = new Map<string, Task>();
  #old: ReadonlyMap<string, Task> = new Map();
  #youngBytes = 0;

  /** @param maxBytes about how much memory both generations may take */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get(executionId: string): Task | undefined {
    const young = this.#young.get(executionId);
    if (young !== undefined) return young;
    const old = this.#old.get(executionId);
    if (old !== undefined) this.put(old);
    return old;
  }

  put(task: Task): void {
    const before = this.#young.get(task.executionId);
    this.#young.set(task.executionId, task);
    this.#youngBytes += bytesOf(task) - (before === undefined ? 0 : bytesOf(before));
    if (this.#youngBytes * 2 < this.#maxBytes) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#youngBytes = 0;
  }
}

/** Of the objects, and of the times and ids of events that every task has. */
const BASE_BYTES = 1200;

/** About how much memory a task takes, at two bytes a character of what can be long. */
function bytesOf(task: Task): number {
  const { executionId, taskName, project, flow, actor, message } = task;
  const own = [executionId, taskName, project, flow, actor?.id, actor?.displayName, message];
  let characters = own.reduce((sum, text) => sum + (text?.length ?? 0), 0);
  for (const texts of [task.prLinks, task.visibility.responsibleUsers, task.recentEventIds]) {
    for (const text of texts) characters += text.length + 20;
  }
  return BASE_BYTES + 2 * characters;
}
