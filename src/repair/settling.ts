import type { Redis } from 'ioredis';
import type { Keys } from '../redis/keys.ts';
import type { Clock } from '../runtime/clock.ts';
import { sleep } from '../runtime/retry.ts';
import type { Target } from './compare.ts';
import { type Aspect, type Judgement, judge } from './judge.ts';
import { writeMends } from './mend.ts';
import type { Asked, MomentPlace } from './moment.ts';
import type { Difference, RepairMode } from './repair.ts';
import type { Looked, SliceReader } from './slice-reader.ts';
import type { Tally } from './tally.ts';
import type { Unsettled } from './unsettled.ts';

export interface SettlingOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly mode: RepairMode;
  /** Whether anything is written at all. */
  readonly writes: boolean;
  readonly reader: SliceReader;
  readonly tally: Tally;
  /** Told by the reader of the events that come. */
  readonly unsettled: Unsettled;
  /** Opens a new epoch: every commit that has begun by now will be refused. */
  readonly refuseCommits: () => Promise<void>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** How often a row is tried that commits keep ahead of. */
const MAX_TRIES = 100;
/** How long a commit is waited for that may undo what was written. */
const MAX_WAIT_MS = 2000;
const POLL_MS = 20;

const NONE: ReadonlySet<string> = new Set();

/** Compares executions and writes them, until each is what it should be whatever commits meanwhile. */
export class Settling {
  readonly #options: SettlingOptions;

  constructor(options: SettlingOptions) {
    this.#options = options;
  }

  /** Compares executions, and writes them until none is left that a commit was ahead of. */
  async settle(asked: Asked, aspect: Aspect): Promise<void> {
    const { keys, mode, writes, reader, unsettled, signal } = this.#options;
    let left = asked;
    for (let tries = 1; left.size > 0; tries += 1) {
      const again = new Map<string, ReadonlySet<string>>();
      for await (const { place, looked } of reader.look(left, aspect === 'all')) {
        unsettled.settle(place);
        const judged = looked.map((one) => ({ ...one, ...judge(one, aspect, mode, keys) }));
        const isLast = !writes || tries === MAX_TRIES || signal.aborted;
        const written = isLast ? NONE : await this.#write(place, judged);
        for (const { executionId, target, found, differences, mend } of judged) {
          if (!isLast && mend !== undefined && !written.has(executionId)) {
            again.set(executionId, new Set(found.members.keys()));
          } else {
            await this.#count(aspect, target, differences, written.has(executionId));
          }
        }
      }
      left = again;
    }
  }

  /**
   * Compares again what a commit may have undone, until nothing is left of that. A commit that does not
   * come, as of a projector that stands still, is refused by a new epoch.
   */
  async settleAll(): Promise<void> {
    const { unsettled, reader, refuseCommits, signal, clock } = this.#options;
    let deadlineMs = clock.monotonicMs() + MAX_WAIT_MS;
    while (!signal.aborted) {
      unsettled.settle(await reader.place());
      await this.settle(unsettled.takeDoubtful(), 'all');
      if (unsettled.size === 0) return;
      if (clock.monotonicMs() < deadlineMs) {
        await sleep(POLL_MS, signal);
        continue;
      }
      await refuseCommits();
      unsettled.settleRefused(await reader.place());
      deadlineMs = clock.monotonicMs() + MAX_WAIT_MS;
    }
  }

  /** Returns the executions that were written. */
  async #write(
    place: MomentPlace,
    judged: readonly (Judgement & Looked)[],
  ): Promise<ReadonlySet<string>> {
    const { redis, keys, unsettled } = this.#options;
    const wanted = judged.flatMap(({ mend, isRowChanged }) =>
      mend === undefined ? [] : [{ mend, isRowChanged }],
    );
    if (wanted.length === 0) return NONE;
    const mends = wanted.map(({ mend }) => mend);
    const { checkpoint, isWritten } = await writeMends(redis, keys, place, mends);
    const written = wanted.filter((_, i) => isWritten[i] === true);
    for (const { mend, isRowChanged } of written) {
      if (!isRowChanged) continue;
      const sets = mend.moves.map(({ key }) => key);
      unsettled.add(mend.executionId, checkpoint, sets);
    }
    return new Set(written.map(({ mend }) => mend.executionId));
  }

  async #count(
    aspect: Aspect,
    { kind }: Target,
    differences: readonly Difference[],
    isWritten: boolean,
  ): Promise<void> {
    const { tally } = this.#options;
    if (aspect === 'row') {
      tally.rows += 1;
      if (isWritten) tally.written += 1;
      if (kind === 'unjudged' || kind === 'unknown') tally.unjudged += 1;
    }
    for (const difference of differences) await tally.tell(difference, isWritten);
  }
}
