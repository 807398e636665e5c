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

/** Commits that may be in flight: while Redis does one, the next is made. */
const MOST_IN_FLIGHT = 2;
/** What the rows that are remembered may take in memory. */
const MAX_CACHE_BYTES = 32 * 1024 * 1024;

/** A batch whose rows are known, or asked for. */
interface Prepared {
  readonly events: DecodedEvent[];
  /** As of the last commit that was sent. */
  readonly rows: Map<string, Task>;
  /** Settles once those that were not remembered are there. */
  readonly loaded: Promise<void> | undefined;
}

/**
 * Applies events from a state on that was read, as long as nothing comes between: whatever is
 * refused or fails ends it, and who goes on begins again from what Redis holds then.
 *
 * Where events wait, rows of a batch are asked for before the batch before it is planned, and a commit
 * is sent before the one before it is answered, so that neither side waits for the other. On one
 * connection commits are done in order, and each is guarded by the checkpoint that the one before it
 * leaves: where one is refused, or fails, so are those after it. Held in memory are at most two
 * batches and two commits, bounded by their bytes, the rows of these batches, bounded by their number,
 * and the rows that are remembered.
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
  readonly #prepared: Prepared[] = [];
  /** Answers of commits, oldest first. */
  readonly #inFlight: Promise<void>[] = [];

  /** @param remembered what was read after the state, and before any row */
  constructor(options: ApplyingOptions, state: ProjectorState, remembered: Remembered) {
    this.#options = options;
    this.#state = state;
    this.#remembered = remembered;
  }

  /** As of the last commit that was sent. */
  get state(): ProjectorState {
    return this.#state;
  }

  /**
   * Takes entries in, and commits those that were taken in before.
   *
   * @returns false when a commit was refused
   */
  async apply(entries: readonly EventEntry[]): Promise<boolean> {
    this.#prepared.push(this.#prepare(decodeBatch(entries)));
    return await this.#commitUntil(1);
  }

  /** Commits all that was taken in, and waits for the answers. @returns false when one was refused */
  async settle(): Promise<boolean> {
    return (await this.#commitUntil(0)) && (await this.#settleUntil(0));
  }

  /** The same for who is interested in no answer any more. */
  async end(): Promise<void> {
    await Promise.allSettled(this.#inFlight);
  }

  #prepare(events: DecodedEvent[]): Prepared {
    const { redis, keys } = this.#options;
    const rows = new Map<string, Task>();
    const missing: string[] = [];
    for (const id of executionsOf(events)) {
      const row = this.#cache.get(id);
      if (row === undefined) missing.push(id);
      else rows.set(id, row);
    }
    if (missing.length === 0) return { events, rows, loaded: undefined };
    const loaded = loadRows(redis, keys, missing).then((found) => {
      // A commit that was sent since has made another one of it.
      for (const [id, row] of found) if (!rows.has(id)) rows.set(id, row);
    });
    // Handled where it is awaited, before its batch is planned.
    loaded.catch(() => undefined);
    return { events, rows, loaded };
  }

  /** Commits the oldest batches, in as many parts as it takes, until so many are left. */
  async #commitUntil(count: number): Promise<boolean> {
    while (this.#prepared.length > count && !this.#isRefused) {
      const [{ events, rows, loaded }] = this.#prepared as [Prepared];
      await loaded;
      for (let rest = events; isNotEmpty(rest); ) {
        const startedAtMs = performance.now();
        const plan = planBatch(rest, rows, this.#options.keys);
        if (!(await this.#settleUntil(MOST_IN_FLIGHT - 1))) return false;
        this.#send(plan, startedAtMs);
        rest = rest.slice(plan.entries);
      }
      this.#prepared.splice(0, 1);
    }
    return !this.#isRefused;
  }

  async #settleUntil(count: number): Promise<boolean> {
    while (this.#inFlight.length > count) {
      await this.#inFlight[0];
      this.#inFlight.splice(0, 1);
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
    for (const task of plan.rows) {
      this.#cache.put(task);
      for (const { rows } of this.#prepared) rows.set(task.executionId, task);
    }
    const answered = sent.then((isCommitted) => {
      if (isCommitted) this.#tell(state, plan, performance.now() - startedAtMs);
      else this.#refuse();
    });
    // Handled where it is awaited; nobody does once a commit before it has ended everything.
    answered.catch(() => undefined);
    this.#inFlight.push(answered);
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

  /** Of several in flight the first says it all. */
  #refuse(): void {
    if (!this.#isRefused) this.#options.observer.onConflict();
    this.#isRefused = true;
  }
}

function isNotEmpty(batch: DecodedEvent[]): batch is [DecodedEvent, ...DecodedEvent[]] {
  return batch.length > 0;
}
