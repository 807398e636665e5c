import { indexKeysOf } from '../read-model/indexes.ts';
import type { FeedJudge } from './feed-judge.ts';
import type { Aspect } from './judge.ts';
import { mendStrays, writeMends } from './mend.ts';
import { scanReadModel, scanSets } from './scan.ts';
import { Settling, type SettlingOptions } from './settling.ts';
import { hashOf, isInSlice } from './slice.ts';

/** Executions of one look. */
const LOOK = 100;
/** Of so many rows progress is kept. */
const SAVED_ROWS = 1000;

/** Walks over what there is of a slice, once its events are folded, and has it settled. */
export class SliceRepair {
  readonly #options: SettlingOptions;
  readonly #settling: Settling;

  constructor(options: SettlingOptions) {
    this.#options = options;
    this.#settling = new Settling(options);
  }

  /**
   * Rows that the events tell of, by their hashes.
   *
   * @param from hash of the first that is not done yet
   * @param onDone told from time to time up to which hash all are done, and what part that is
   */
  async rows(from: number, onDone: (hash: number, part: number) => Promise<void>): Promise<void> {
    const { reader, keys, unsettled, signal } = this.#options;
    const ordered = [...reader.fold.values()]
      .map(({ executionId }) => ({ executionId, hash: hashOf(executionId) }))
      .filter(({ hash }) => hash >= from)
      .sort((a, b) => a.hash - b.hash);
    for (let at = 0; at < ordered.length && !signal.aborted; at += LOOK) {
      const hash = ordered[at]?.hash ?? from;
      if (at % SAVED_ROWS === 0) {
        await onDone(Math.min(hash, unsettled.lowestHash() ?? hash), at / ordered.length);
      }
      const ids = ordered.slice(at, at + LOOK).map(({ executionId }) => executionId);
      await this.#settle(ids, 'row', (id) => {
        const task = reader.fold.get(id);
        return task === undefined ? [] : indexKeysOf(task, keys);
      });
    }
  }

  /** What is stored and not demanded: rows, members, and keys of a wrong type. */
  async strays(): Promise<void> {
    const { redis, keys, signal } = this.#options;
    for await (const { rows, sets } of scanReadModel(redis, keys)) {
      await this.#settle(rows.filter(this.#isUnknown), 'row', () => []);
      for await (const scanned of scanSets(redis, sets)) {
        if (signal.aborted) return;
        if (scanned.kind === 'members') await this.#straysAmong(scanned.key, scanned.members);
        else await this.#wrongType(scanned.key);
      }
      if (signal.aborted) return;
    }
  }

  /** Compares again what a commit may have undone. */
  async settleAll(): Promise<void> {
    await this.#settling.settleAll();
  }

  /** What the feed says otherwise than the events, where these are complete. */
  async feed(judge: FeedJudge): Promise<void> {
    const { reader, keys, tally, writes } = this.#options;
    const differences = judge.differencesIn(reader.fold.slice);
    const ids = differences.flatMap(({ executionId }) => executionId ?? []);
    const uncertain = new Set<string>();
    const asked = new Map([...new Set(ids)].map((id) => [id, new Set<string>()] as const));
    for await (const { place, looked } of reader.look(asked)) {
      for (const { executionId, target, found } of looked) {
        const isKnown = target.kind === 'task' && found.row.kind === 'row';
        if (place.gone !== undefined && !isKnown) uncertain.add(executionId);
      }
    }
    for (const { kind, executionId, field, expected, found } of differences) {
      if (executionId !== null && uncertain.has(executionId)) continue;
      tally.inFeed += 1;
      const difference = { kind, key: keys.updates, executionId, field, expected, found };
      await tally.tell(difference, writes);
    }
  }

  /** A row of the slice that no event tells of. */
  readonly #isUnknown = (executionId: string): boolean => {
    const { reader, tally } = this.#options;
    const { fold } = reader;
    if (!isInSlice(fold.slice, executionId) || fold.get(executionId) !== undefined) return false;
    return tally.isNew(executionId);
  };

  async #straysAmong(key: string, members: readonly string[]): Promise<void> {
    const { keys, reader, tally } = this.#options;
    const { fold } = reader;
    const strays = members.filter((id) => {
      if (!isInSlice(fold.slice, id)) return false;
      const task = fold.get(id);
      const isDemanded = task !== undefined && indexKeysOf(task, keys).includes(key);
      return !isDemanded && tally.isNew(key, id);
    });
    await this.#settle(strays, 'strays', () => [key]);
  }

  /** It is deleted, whatever it holds: by its name it belongs to the read model. */
  async #wrongType(key: string): Promise<void> {
    const { redis, keys, writes, reader, tally } = this.#options;
    if (!tally.isNew(key)) return;
    // No execution has this name, so that no row and no event is in the way.
    for await (const { place, looked } of reader.look(new Map([['', new Set([key])]]))) {
      for (const { found } of looked) {
        const member = found.members.get(key);
        if (member?.kind !== 'wrong_type') continue;
        const difference = { kind: 'wrong_type', key, executionId: null, field: null } as const;
        const mends = writes ? [mendStrays('', found, [key])] : [];
        const outcome = writes ? await writeMends(redis, keys, place, mends) : undefined;
        const isMended = outcome?.isWritten[0] === true;
        await tally.tell({ ...difference, expected: 'zset', found: member.type }, isMended);
      }
    }
  }

  async #settle(
    executionIds: readonly string[],
    aspect: Aspect,
    setsOf: (executionId: string) => readonly string[],
  ): Promise<void> {
    for (let at = 0; at < executionIds.length; at += LOOK) {
      const ids = executionIds.slice(at, at + LOOK);
      await this.#settling.settle(new Map(ids.map((id) => [id, new Set(setsOf(id))])), aspect);
    }
  }
}
