import type { StreamId } from '@tasktrail/contract';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { judgeContinuity, type KnownHistory } from '../../src/tailer/continuity.ts';
import { idOf } from '../fixtures/events.ts';

/**
 * Redis as far as histories go: everything that was ever committed and still counts, of which the
 * feed holds the end. Restores and lost tails bring back a state that there was before, whole.
 */
interface History {
  readonly epoch: string | undefined;
  readonly formerEpochs: readonly string[];
  readonly checkpoint: number;
  readonly changes: readonly number[];
  readonly trimmed: number;
}

const EMPTY: History = {
  epoch: undefined,
  formerEpochs: [],
  checkpoint: 0,
  changes: [],
  trimmed: 0,
};

/** Ids are numbers here, `<ms> * PER_MS + <seq>`, and no seq is ever given twice. */
const PER_MS = 1000;

class RedisModel {
  history = EMPTY;
  /** Every state that there ever was, for backups. */
  readonly #states = [EMPTY];
  /** The states whose writes are still there, for tails to be lost. */
  #written = [EMPTY];
  #clock = 0;
  #ids = 0;
  #epochs = 0;

  /** @param isBehind whether the clock that gives ids is that of a server that knows less */
  commit(changes: number, silent: number, isBehind: boolean): void {
    const { history } = this;
    const time = isBehind ? Math.floor(history.checkpoint / PER_MS) : ++this.#clock;
    const nextId = () => time * PER_MS + ++this.#ids;
    const ids = Array.from({ length: changes }, nextId);
    const silentIds = Array.from({ length: silent }, nextId);
    this.#write({
      ...history,
      checkpoint: [...ids, ...silentIds].at(-1) ?? history.checkpoint,
      changes: [...history.changes, ...ids],
    });
  }

  trim(keep: number): void {
    const trimmed = Math.max(this.history.trimmed, this.history.changes.length - keep);
    this.#write({ ...this.history, trimmed });
  }

  loseTail(writes: number): void {
    this.#written = this.#written.slice(0, Math.max(1, this.#written.length - writes));
    this.history = this.#written.at(-1) ?? EMPTY;
  }

  flush(): void {
    this.#write(EMPTY);
  }

  restore(which: number): void {
    this.#write(this.#states[which % this.#states.length] ?? EMPTY);
  }

  replaceEpoch(known: string | undefined): void {
    const { epoch, formerEpochs } = this.history;
    const former = [known, epoch, ...formerEpochs].filter((name) => name !== undefined);
    this.#epochs += 1;
    this.#write({
      ...this.history,
      epoch: `e${this.#epochs}`,
      formerEpochs: [...new Set(former)],
    });
  }

  #write(history: History): void {
    this.history = history;
    this.#written.push(history);
    this.#states.push(history);
  }
}

/** A tailer without I/O: what it knows, and what the laws must know about it. */
class TailerModel {
  known: KnownHistory | undefined;
  read: readonly number[] = [];
  readonly abandoned = new Set<string>();

  begin({ epoch, changes, trimmed, checkpoint }: History): void {
    if (epoch === undefined) throw new Error('there is no epoch to follow');
    if (this.known !== undefined && this.known.epoch !== epoch) {
      this.abandoned.add(this.known.epoch);
    }
    const isEmpty = changes.length === trimmed;
    const last = isEmpty ? undefined : changes.at(-1);
    this.known = { epoch, last: maybeId(last), trimmed, head: toId(checkpoint) };
    this.read = changes;
  }

  /** Reads everything that there is. */
  judge(history: History): string {
    const { known } = this;
    if (known === undefined) throw new Error('it has not begun');
    const { changes, trimmed, checkpoint } = history;
    const feed = changes.slice(trimmed);
    const last = toNumber(known.last);
    const next = feed.find((id) => id > last);
    return judgeContinuity(known, {
      epoch: history.epoch,
      formerEpochs: history.formerEpochs,
      checkpoint: checkpoint === 0 ? undefined : toId(checkpoint),
      first: maybeId(feed[0]),
      trimmed,
      holdsLast: feed.includes(last),
      next: maybeId(next),
      end: maybeId(feed.at(-1)) ?? known.last ?? toId(0),
      lastChange: maybeId(changes.at(-1)),
    }).kind;
  }

  advance({ changes, trimmed, checkpoint }: History): void {
    const { known } = this;
    if (known === undefined) throw new Error('it has not begun');
    const last = toNumber(known.last);
    const entries = changes.slice(trimmed).filter((id) => id > last);
    this.read = [...this.read, ...entries];
    this.known = {
      ...known,
      last: maybeId(entries.at(-1)) ?? known.last,
      head: toId(checkpoint),
    };
  }
}

type Step =
  | {
      readonly kind: 'commit';
      readonly changes: number;
      readonly silent: number;
      readonly isBehind: boolean;
    }
  | { readonly kind: 'trim'; readonly keep: number }
  | { readonly kind: 'loseTail'; readonly writes: number }
  | { readonly kind: 'flush' }
  | { readonly kind: 'restore'; readonly which: number }
  | { readonly kind: 'otherServer'; readonly isStray: boolean }
  | { readonly kind: 'read' };

const growing = fc.oneof(
  fc.record({
    kind: fc.constant('commit' as const),
    changes: fc.nat(3),
    silent: fc.nat(2),
    isBehind: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('read' as const) }),
);

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: growing },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('trim' as const),
      keep: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('loseTail' as const),
      writes: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'flush' as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restore' as const), which: fc.nat() }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('otherServer' as const), isStray: fc.boolean() }),
  },
);

test('INV7: loss is never taken for continuity, nor growth for loss, nor an old epoch for a new one', () => {
  const verdicts = new Set<string>();
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 40, size: 'max' }), (script) => {
      const redis = new RedisModel();
      redis.replaceEpoch(undefined);
      const tailer = new TailerModel();
      tailer.begin(redis.history);
      for (const step of script) take(step, redis, tailer, verdicts);
    }),
    { numRuns: 2000 },
  );
  // The steps above reach everything that there is to decide.
  expect([...verdicts].sort()).toEqual(['continued', 'lost', 'replaced', 'unproven']);
});

function take(step: Step, redis: RedisModel, tailer: TailerModel, verdicts: Set<string>): void {
  switch (step.kind) {
    case 'commit':
      redis.commit(step.changes, step.silent, step.isBehind);
      break;
    case 'trim':
      redis.trim(step.keep);
      break;
    case 'loseTail':
      redis.loseTail(step.writes);
      break;
    case 'flush':
      redis.flush();
      break;
    case 'restore':
      redis.restore(step.which);
      break;
    case 'otherServer':
      redis.replaceEpoch(step.isStray ? 'stray' : redis.history.epoch);
      break;
    case 'read':
      read(redis, tailer, verdicts);
      break;
  }
}

/** One read of the tailer, and those that its verdict leads to, with the laws of each. */
function read(redis: RedisModel, tailer: TailerModel, verdicts: Set<string>): void {
  for (let turns = 0; ; turns += 1) {
    const { history } = redis;
    const { known, read } = tailer;
    const verdict = tailer.judge(history);
    verdicts.add(verdict);
    const isSame = history.epoch === known?.epoch;
    const isWhole = read.every((id, place) => history.changes[place] === id);
    const isMissed = history.trimmed > read.length;
    const isBehind = history.checkpoint < toNumber(known?.head);
    // A change where events that changed nothing had been passed: those were lost.
    const isBefore = history.changes.slice(read.length).some((id) => id <= toNumber(known?.head));
    const hasGrown = isSame && isWhole && !isBehind && !isBefore;
    if (hasGrown && history.trimmed < read.length) {
      expect(verdict).toBe('continued');
    }
    switch (verdict) {
      case 'continued':
        expect({ isSame, isWhole, isBehind, isMissed }).toEqual({
          isSame: true,
          isWhole: true,
          isBehind: false,
          isMissed: false,
        });
        // What was passed as processed is never followed by something earlier.
        for (const id of history.changes.slice(read.length)) {
          expect(id).toBeGreaterThan(toNumber(known?.head));
        }
        tailer.advance(history);
        expect(tailer.read).toEqual(history.changes);
        return;
      case 'lost':
        expect(hasGrown).toBe(false);
        redis.replaceEpoch(known?.epoch);
        break;
      case 'unproven':
        expect(isSame).toBe(true);
        tailer.begin(history);
        return;
      case 'replaced':
        expect(tailer.abandoned).not.toContain(history.epoch);
        tailer.begin(history);
        return;
    }
    // What it puts there itself it follows at once.
    expect(turns).toBeLessThan(1);
  }
}

function toId(number: number): StreamId {
  return idOf(`${Math.floor(number / PER_MS)}-${number % PER_MS}`);
}

function maybeId(number: number | undefined): StreamId | undefined {
  return number === undefined ? undefined : toId(number);
}

function toNumber(id: StreamId | undefined): number {
  const [ms = 0, seq = 0] = id?.split('-').map(Number) ?? [];
  return ms * PER_MS + seq;
}
