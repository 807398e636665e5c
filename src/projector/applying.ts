import type { Redis } from 'ioredis';
import type { Keys } from '../redis/keys.ts';
import type { Task } from '../redis/task-row.ts';
import { commit, loadRows, type Remembered } from './commit.ts';
import type { EventEntry } from './event-reader.ts';
import {
  type CommitPlan,
  type DecodedEvent,
  decodeBatch,
  executionsOf,
  planBatch,
} from './plan.ts';
import type { ProjectorObserver, ProjectorState } from './projector.ts';
import { RowCache } from './row-cache.ts';

export interface ApplyingOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  /** Version of this program. */
  readonly program: string;
  readonly observer: ProjectorObserver;
  /** Told of each state that was committed. */
  readonly onCommitted: (state: ProjectorState) => void;
}

/** Commits that may be on their way: while Redis does one, the next is made. */
const MOST_ON_THEIR_WAY = 2;
/** What the rows that are remembered may take in memory. */
const MAX_CACHE_BYTES = 32 * 1024 * 1024;

/**
 * Applies events from a state on that was read, as long as nothing comes between: whatever is
 * refused or fails ends it, and who goes on begins again from what Redis holds then.
 *
 * Where events wait, a commit is sent before the one before it is answered. On one connection they
 * are done in order, and each is guarded by the checkpoint that the one before it leaves: where one
 * is refused, or fails, so are those after it.
 *
 * Rows that were written are remembered, and not read again. The first commit remembers none, and is
 * checked by the checkpoint alone: so it cannot be refused for what a repair mends meanwhile, and a
 * long repair does not keep events waiting. Every later one is refused once a row may be another.
 */
export class Applying {
  readonly #options: ApplyingOptions;
  readonly #remembered: Remembered;
  readonly #cache = new RowCache(MAX_CACHE_BYTES);
  /** As of the last commit that was sent. */
  #state: ProjectorState;
  #isFirst = true;
  #isRefused = false;
  /** Oldest first. */
  readonly #onTheirWay: Promise<void>[] = [];

  /** @param remembered what was read together with the state */
  constructor(options: ApplyingOptions, state: ProjectorState, remembered: Remembered) {
    this.#options = options;
    this.#state = state;
    this.#remembered = remembered;
  }

  /** As of the last commit that was sent. */
  get state(): ProjectorState {
    return this.#state;
  }

  /** Commits the entries, in as many parts as it takes. @returns false when one was refused */
  async apply(entries: readonly EventEntry[]): Promise<boolean> {
    let rest = decodeBatch(entries);
    while (isNotEmpty(rest)) {
      const startedAtMs = performance.now();
      const plan = await this.#plan(rest);
      if (!(await this.#settleUntil(MOST_ON_THEIR_WAY - 1))) return false;
      this.#send(plan, startedAtMs);
      rest = rest.slice(plan.entries);
    }
    return true;
  }

  /** Waits until all commits are answered. @returns false when one was refused */
  async settle(): Promise<boolean> {
    return await this.#settleUntil(0);
  }

  /** The same for who is interested in no answer any more. */
  async end(): Promise<void> {
    await Promise.allSettled(this.#onTheirWay);
  }

  async #plan(batch: readonly [DecodedEvent, ...DecodedEvent[]]): Promise<CommitPlan> {
    const { redis, keys } = this.#options;
    const rows = new Map<string, Task>();
    const missing: string[] = [];
    for (const id of executionsOf(batch)) {
      const row = this.#cache.get(id);
      if (row === undefined) missing.push(id);
      else rows.set(id, row);
    }
    if (missing.length > 0) {
      // After all commits that are on their way, since it is sent after them.
      for (const [id, row] of await loadRows(redis, keys, missing)) rows.set(id, row);
    }
    return planBatch(batch, rows, keys);
  }

  async #settleUntil(count: number): Promise<boolean> {
    while (this.#onTheirWay.length > count) {
      await this.#onTheirWay[0];
      this.#onTheirWay.splice(0, 1);
    }
    return !this.#isRefused;
  }

  #send(plan: CommitPlan, startedAtMs: number): void {
    const { redis, keys, program } = this.#options;
    const remembered = this.#isFirst ? undefined : this.#remembered;
    this.#isFirst = false;
    const sent = commit(redis, keys, this.#state, plan, program, remembered);
    const state = { checkpoint: plan.checkpoint, epoch: this.#state.epoch };
    this.#state = state;
    for (const task of plan.rows) this.#cache.put(task);
    const answered = sent.then((isCommitted) => {
      if (isCommitted) this.#tell(state, plan, performance.now() - startedAtMs);
      else this.#refuse();
    });
    // Who waits is told, unless a commit before it has ended everything already.
    answered.catch(() => undefined);
    this.#onTheirWay.push(answered);
  }

  /** Also after a refusal: another projector may have committed the very batch that was refused. */
  #tell(state: ProjectorState, plan: CommitPlan, durationMs: number): void {
    const { observer, onCommitted } = this.#options;
    onCommitted(state);
    observer.onCommit(plan.counts, durationMs);
    for (const { id, problem } of plan.quarantined) {
      observer.onQuarantined(id, problem.reason, problem.field);
    }
  }

  /** Of several on their way the first says it all. */
  #refuse(): void {
    if (!this.#isRefused) this.#options.observer.onConflict();
    this.#isRefused = true;
  }
}

function isNotEmpty(batch: DecodedEvent[]): batch is [DecodedEvent, ...DecodedEvent[]] {
  return batch.length > 0;
}
